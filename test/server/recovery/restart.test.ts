import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import { callJson, eventsOf, firstFrame, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { perdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';

// Each test starts several processes, which takes seconds of a processor.
vi.setConfig({ testTimeout: 180_000 });

const callerOf = ({ url }: PerdureProcess): Caller => ({ url, user: 'ann' });

async function ask(caller: Caller, content: string): Promise<string | null> {
  const waiting = { prefer: 'wait=30' };
  return (await callJson<{ answer: string | null }>(caller, 'POST', pathOf('s', 'messages'), { content }, waiting))
    .answer;
}

test('a second start finds the sessions of the first', async () => {
  const home = perdureHome();
  const first = await home.start();
  expect(await ask(callerOf(first), '@echo=one')).toBe('one');
  const before = await eventsOf(callerOf(first), 's');
  await first.stop();
  const second = await home.start();
  expect(await eventsOf(callerOf(second), 's')).toEqual(before);
  expect(await ask(callerOf(second), '@echo=two')).toBe('two');
  const { data } = await callJson<{ data: TranscriptEntry[] }>(callerOf(second), 'GET', pathOf('s', 'transcript'));
  expect(data.map(({ content }) => content)).toEqual(['@echo=one', 'one', '@echo=two', 'two']);
  await second.stop();
});

test('after a kill the next start takes over the server that was left, or ends it where it does not fit', async () => {
  const home = perdureHome();
  const first = await home.start();
  expect(await ask(callerOf(first), '@echo=one')).toBe('one');
  const [orphan = 0] = home.servers();
  await first.kill9();
  expect(home.servers()).toEqual([orphan]);
  const second = await home.start();
  expect(second.output()).toContain(`Adopted Temporal server ${orphan}`);
  expect(home.servers()).toEqual([orphan]);
  expect(await ask(callerOf(second), '@echo=two')).toBe('two');
  await second.kill9();
  const other = await home.start('start', { TEMPORAL_NAMESPACE: 'other' });
  expect(other.output()).toContain(`Ended Temporal server ${orphan}`);
  expect(home.servers()).toHaveLength(1);
  expect(home.servers()).not.toContain(orphan);
  await other.stop();
});

test('a second start beside a live one is refused with a clear sentence, and the first goes on', async () => {
  const home = perdureHome();
  const first = await home.start();
  const refused = await home.fails();
  expect(refused.code).toBe(1);
  expect(refused.output).toContain(`is in use by process ${first.pid} of Perdure. Stop it (kill ${first.pid})`);
  expect(refused.output).not.toMatch(/^\s+at /m);
  expect(home.servers()).toHaveLength(1);
  expect(await ask(callerOf(first), '@echo=one')).toBe('one');
  await first.stop();
});

test('Ctrl-C lets a run end that takes no longer than the grace time', async () => {
  const home = perdureHome();
  const first = await home.start();
  const caller = callerOf(first);
  await callJson(caller, 'POST', pathOf('s', 'messages'), { content: '@chunks=30 @delay=40' });
  await firstFrame(caller, 's', ({ type }) => type === 'message.delta');
  await first.stop();
  const second = await home.start();
  await readStream(callerOf(second), 's', {}, ({ event }) => event.type === 'run.completed');
  expect((await eventsOf(callerOf(second), 's')).filter(({ type }) => type === 'run.completed')).toHaveLength(1);
  // The reply that came during the drain was kept.
  expect(home.calls()).toHaveLength(1);
  await second.stop();
});

test('Ctrl-C cuts a run that takes longer, and it is answered once after the next start', async () => {
  const home = perdureHome();
  const first = await home.start();
  const caller = callerOf(first);
  const script = '@tool=note:{"mark":"m"} @then @chunks=200 @delay=60';
  const { runId } = await callJson<{ runId: string }>(caller, 'POST', pathOf('s', 'messages'), { content: script });
  await firstFrame(caller, 's', ({ type }) => type === 'message.delta');
  await first.stop();
  const second = await home.start();
  await readStream(callerOf(second), 's', {}, ({ event }) => event.type === 'run.completed');
  const events = await eventsOf(callerOf(second), 's');
  expect(events.map(({ type }) => type)).toEqual([
    'session.opened',
    'message.received',
    'run.started',
    'message.completed',
    'tool.called',
    // The tool counts in the session's state.
    'session.updated',
    'tool.completed',
    'message.completed',
    'run.completed',
  ]);
  expect(home.calls().map(({ step }) => step)).toEqual([1, 2, 2]);
  const run = await callJson<RunDetail>(callerOf(second), 'GET', pathOf('s', 'runs', runId));
  expect(run.stepList.map(({ attempts }) => attempts)).toEqual([1, 2]);
  await second.stop();
});

test('a port in use is passed over for the next one, and said so; one that was chosen is an error', async () => {
  const gatewayPort = await taken(4747);
  const temporalPort = await taken(7233);
  const home = perdureHome();
  const perdure = await home.start('start', { PERDURE_PORT: '' });
  const port = Number(new URL(perdure.url).port);
  expect(port).toBeGreaterThan(gatewayPort);
  expect(perdure.output()).toContain(`The port ${gatewayPort} is in use; the gateway took ${port}.`);
  expect(perdure.output()).toMatch(
    new RegExp(`Port ${temporalPort} is in use; Temporal listens on \\d+ from now on\\.`),
  );
  expect(await ask(callerOf(perdure), '@echo=one')).toBe('one');

  const other = perdureHome();
  const refused = await other.fails('start', { PERDURE_PORT: String(port) });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain(
    `Port ${port} on 127.0.0.1 is in use. Stop the program that uses it, or set PERDURE_PORT`,
  );
  expect(other.servers()).toEqual([]);
  await perdure.stop();
});

/** Takes a port until the test is over, unless something else has it. */
async function taken(port: number): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(port, '127.0.0.1');
  await Promise.race([once(server, 'listening'), once(server, 'error').catch(() => undefined)]).catch(() => undefined);
  return port;
}
