import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMessage } from '../../../store/read/read-message.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model: (request) => `echo ${lastUserMessage(request)}`,
    worker: false,
    ackTimeoutMs: 2_000,
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

test('without a worker a message is accepted in time, and answered when a worker comes', async () => {
  const key = stack.key();
  const opened = stack.key();
  const began = performance.now();
  const sends = await Promise.allSettled([
    stack.sender.submit(key, { id: 'm1', content: 'hello' }),
    stack.sender.signal(key, { id: 'm2', content: 'by signal' }),
    stack.sender.open(opened, {}),
    stack.sender.cancel(key, {}),
    stack.sender.submit(key, { id: 'm1', content: 'hello' }),
  ]);
  // The bound, three seconds, is part of the fact; the rest is the server's own slack.
  expect(performance.now() - began).toBeLessThan(3_000);
  const accepted = { messageId: 'm1', runId: null, disposition: 'accepted', position: null };
  expect(sends[0]).toMatchObject({ status: 'fulfilled', value: accepted });
  expect(sends[1]).toMatchObject({ status: 'fulfilled', value: 'm2' });
  expect(sends[2]).toMatchObject({ status: 'rejected', reason: { code: 'temporal_unavailable' } });
  expect(sends[4]).toMatchObject({ status: 'fulfilled', value: accepted });
  expect(await readMessage(stack.db, key, 'm1')).toBeNull();

  await stack.startWorker();
  const events = await stack.ended(key, 2);
  expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : [])).toSorted()).toEqual([
    'echo by signal',
    'echo hello',
  ]);
  const found = await readMessage(stack.db, key, 'm1');
  expect(found).toMatchObject({ receipt: { messageId: 'm1' }, run: { status: 'completed', output: 'echo hello' } });
  expect(await stack.sender.submit(key, { id: 'm1', content: 'hello' })).toEqual(found?.receipt);
  expect((await stack.events(key)).filter(({ type }) => type === 'run.started')).toHaveLength(2);
  await stack.stopWorker();
});

test('messages that came while no worker ran are answered in the order in which they came', async () => {
  const key = stack.key();
  const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
  for (const id of ids) await stack.sender.signal(key, { id, content: id });
  await stack.startWorker();
  const events = await stack.ended(key, ids.length);
  const answers = events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));
  expect(answers).toEqual(ids.map((id) => `echo ${id}`));
  await stack.stopWorker();
});

test('an end that came while no worker ran is carried out when one comes', async () => {
  const key = stack.key();
  await stack.sender.signal(key, { content: 'hello' });
  await stack.sender.end(key, { reason: 'over' });
  await stack.startWorker();
  const events = await stack.until(key, (found) => found.some(({ type }) => type === 'session.ended'));
  expect(events.at(-1)).toMatchObject({ type: 'session.ended', status: 'completed', reason: 'over' });
  await stack.stopWorker();
});

test('Temporal says how many workers ask for work', async () => {
  await using idle = await startStack({ temporal: await testTemporal(), model: () => 'Done.', worker: false });
  expect(await idle.sender.workers()).toBe(0);
  await idle.startWorker();
  await idle.sender.submit(idle.key(), { content: 'hi' });
  expect(await idle.sender.workers()).toBe(1);
});
