import { onTestFinished, expect, test, vi } from 'vitest';
import { callJson, eventsOf, firstFrame, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { perdureHome, type PerdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

// Each test starts several processes, which takes seconds of a processor.
vi.setConfig({ testTimeout: 180_000 });

/** A stream, a tool that needs the server, and the answer. */
const SCRIPT = '@mark=it @chunks=40 @delay=40 @tool=act:{"mark":"it","ms":100} @then @echo=done @mark=it';

/** A run that is in the middle of its first stream. */
async function speaking({ url }: PerdureProcess): Promise<Caller> {
  const caller = { url, user: 'ann' };
  await callJson(caller, 'POST', pathOf('s', 'messages'), { id: 'one', content: SCRIPT });
  await firstFrame(caller, 's', ({ type }) => type === 'message.delta');
  return caller;
}

/** The run ends well, once; each model call was made once, the tool acted once, and the session takes the next message. */
async function goesOn(caller: Caller, home: PerdureHome): Promise<void> {
  await readStream(caller, 's', {}, ({ event }) => event.type === 'run.completed');
  expect((await eventsOf(caller, 's')).map(({ type }) => type)).toEqual([
    'session.opened',
    'message.received',
    'run.started',
    'message.completed',
    'tool.called',
    'tool.completed',
    'message.completed',
    'run.completed',
  ]);
  expect(home.calls().map(({ step }) => step)).toEqual([1, 2]);
  expect(home.effects()).toHaveLength(1);
  const next = { id: 'two', content: '@echo=again' };
  const answered = await callJson(caller, 'POST', pathOf('s', 'messages'), next, { prefer: 'wait=30' });
  expect(answered).toMatchObject({ answer: 'again' });
}

test('embedded, a killed Temporal server comes back by itself and the run goes on', async () => {
  const home = perdureHome();
  const perdure = await home.start();
  const caller = await speaking(perdure);
  const [server = 0, ...others] = home.servers();
  expect(others).toEqual([]);
  process.kill(server, 'SIGKILL');
  await perdure.says(/The Temporal server died .* is restarted/);
  await perdure.says(/The Temporal server is back after \d+ ms/);
  await goesOn(caller, home);
  expect(home.servers()).not.toContain(server);
  expect(home.servers()).toHaveLength(1);
  await perdure.stop();
});

test('a Temporal server that was away goes on with the run when it is back', async () => {
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ TEMPORAL_ADDRESS: temporal.address });
  const perdure = await home.start();
  const caller = await speaking(perdure);
  await temporal.kill();
  // The model call needs no Temporal: its reply is kept while the server is away, and not asked for again.
  await firstFrame(caller, 's', ({ type }) => type === 'message.completed');
  expect(home.effects()).toEqual([]);
  await temporal.restart();
  await goesOn(caller, home);
  await perdure.stop();
});

test('while the Temporal server is away a message is refused with a remedy, and its id may be sent again', async () => {
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ TEMPORAL_ADDRESS: temporal.address });
  const perdure = await home.start();
  const caller = { url: perdure.url, user: 'ann' };
  await temporal.kill();
  const message = { id: 'one', content: '@echo=hello' };
  const refused = await fetch(`${caller.url}${pathOf('s', 'messages')}`, {
    method: 'POST',
    headers: { 'perdure-user': caller.user, 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'temporal_unavailable' });
  await temporal.restart();
  // The server takes a moment to give out tasks again: until then it is refused in the same way, or accepted.
  let answered: { answer?: string | null } = {};
  while (answered.answer === undefined) {
    answered = await callJson<typeof answered>(caller, 'POST', pathOf('s', 'messages'), message, {
      prefer: 'wait=30',
    }).catch(() => ({}));
  }
  expect(answered).toMatchObject({ answer: 'hello' });
  expect(home.calls()).toHaveLength(1);
  await perdure.stop();
});
