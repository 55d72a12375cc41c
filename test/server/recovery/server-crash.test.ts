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

test('while the Temporal server is away a message is admitted, and it is answered once when the server is back', async () => {
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ TEMPORAL_ADDRESS: temporal.address });
  const perdure = await home.start();
  const caller = { url: perdure.url, user: 'ann' };
  await temporal.kill();
  const message = { id: 'one', content: '@echo=hello' };
  const post = (headers: Record<string, string> = {}) =>
    callJson<object>(caller, 'POST', pathOf('s', 'messages'), message, headers);
  const receipt = await post();
  expect(receipt).toMatchObject({ disposition: 'started', runId: expect.any(String), seq: 2 });
  await temporal.restart();
  await readStream(caller, 's', {}, ({ event }) => event.type === 'run.completed');
  expect(await post({ prefer: 'wait=30' })).toMatchObject({ receipt, answer: 'hello' });
  expect(home.calls()).toHaveLength(1);
  await perdure.stop();
});

test('while the Temporal server is away a session that is served is answered, and a hundred messages of others are answered once, in order, when it is back', async () => {
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ TEMPORAL_ADDRESS: temporal.address });
  const perdure = await home.start();
  const send = (user: string, id: string, headers: Record<string, string> = {}) => {
    const caller = { url: perdure.url, user };
    return callJson<object>(caller, 'POST', pathOf('s', 'messages'), { id, content: `@echo=${id}` }, headers);
  };
  await send('served', 'before', { prefer: 'wait=30' });
  await temporal.kill();
  expect(await send('served', 'meanwhile', { prefer: 'wait=30' })).toMatchObject({ answer: 'meanwhile' });

  const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
  const ids = Array.from({ length: 5 }, (_, n) => `m${n}`);
  for (const id of ids) {
    const receipts = await Promise.all(users.map((user) => send(user, id)));
    expect(receipts.filter((receipt) => 'runId' in receipt && receipt.runId !== null)).toHaveLength(users.length);
  }
  await temporal.restart();
  for (const user of users) {
    // The same message again gives the end of its run.
    expect(await send(user, 'm4', { prefer: 'wait=90' })).toMatchObject({ answer: 'm4' });
    const events = await eventsOf({ url: perdure.url, user }, 's');
    expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual(ids);
  }
  expect(home.calls()).toHaveLength(2 + users.length * ids.length);
  await perdure.stop();
});
