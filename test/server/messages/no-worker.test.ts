import { afterAll, beforeAll, expect, test } from 'vitest';
import { countWorkers } from '../../../gateway/answers/count-workers.ts';
import { readMessage, readRefusal } from '../../../store/read/read-message.ts';
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
    // Of another session: a cancel that arrives with the messages stops the run of one of them.
    stack.sender.cancel(stack.key(), {}),
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

test('Temporal lists the workers that poll', async () => {
  await using idle = await startStack({ temporal: await testTemporal(), model: () => 'Done.', worker: false });
  expect(await idle.sender.pollers()).toEqual([]);
  await idle.startWorker();
  await idle.sender.submit(idle.key(), { content: 'hi' });
  expect(await idle.sender.pollers()).toHaveLength(1);
});

test('messages that no worker has processed are listed, and a worker is counted by its lease until it stops', async () => {
  await using idle = await startStack({ temporal: await testTemporal(), model: () => 'Done.', worker: false });
  const key = idle.key();
  expect(await idle.sender.pending(key, 'session')).toMatchObject({ waiting: 0, since: null });
  await idle.sender.signal(key, { id: 'first', content: 'hi' });
  await idle.sender.signal(key, { id: 'second', content: 'hi' });
  const { waiting, since, received } = await idle.sender.pending(key, 'session');
  expect({ waiting, since, ids: Object.fromEntries(received) }).toEqual({
    waiting: 2,
    since: expect.any(String),
    ids: { first: 'waiting', second: 'waiting' },
  });
  expect(await countWorkers(idle)).toEqual({ polling: 0, lastSeenAt: null });

  await idle.startWorker();
  await idle.ended(key, 2);
  expect(await countWorkers(idle)).toEqual({ polling: 1, lastSeenAt: expect.any(String) });
  expect((await idle.sender.pending(key, 'session')).waiting).toBe(0);
  await idle.stopWorker();
  // Temporal lists its last poll for another minute.
  expect(await idle.sender.pollers()).toHaveLength(1);
  expect(await countWorkers(idle)).toEqual({ polling: 0, lastSeenAt: expect.any(String) });
});

test('a message that was accepted and then refused has its refusal in the store, although no session was created', async () => {
  await using idle = await startStack({ temporal: await testTemporal(), model: () => 'Done.', worker: false });
  const key = idle.key();
  await idle.sender.signal(key, { id: 'ghost', content: 'hi', agent: 'nobody' });
  await idle.startWorker();
  await expect
    .poll(async () => readRefusal(idle.db, key, 'ghost'), { timeout: 20_000 })
    .toMatchObject({ code: 'invalid_request', detail: expect.stringContaining('nobody') });
  expect(await idle.events(key)).toEqual([]);
});
