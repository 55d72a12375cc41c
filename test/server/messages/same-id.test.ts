import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { privateTemporal, type PrivateTemporal } from '../../support/temporal/temporal-server.ts';

let temporal: PrivateTemporal;
let stack: Stack;
let asked = 0;

beforeAll(async () => {
  temporal = await privateTemporal({ suggestContinueAsNewAt: 40 });
  stack = await startStack({
    temporal: temporal.address,
    ackTimeoutMs: 50_000,
    model: (request) => {
      asked += 1;
      return `answer to ${request.messages.length} messages`;
    },
  });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await temporal.stop();
});

const snapshotOf = (key: Parameters<Stack['ended']>[0]) =>
  stack.client.workflow.getHandle(workflowIdOf(key)).query<{ continuedAsNew: number }>('session');

test('100 concurrent sends of one message make one run and one receipt', async () => {
  const key = stack.key();
  const before = asked;
  const sends = Array.from({ length: 100 }, () => stack.sender.submit(key, { id: 'm1', content: 'hello' }));
  const receipts = await Promise.all(sends);
  expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
  expect(receipts[0]).toMatchObject({ messageId: 'm1', disposition: 'started', position: 0 });
  const events = await stack.ended(key);
  expect(events.map(({ type }) => type)).toEqual([
    'session.opened',
    'message.received',
    'run.started',
    'message.completed',
    'run.completed',
  ]);
  expect(asked - before).toBe(1);
});

test('100 concurrent signals of one message make one run', async () => {
  const key = stack.key();
  await Promise.all(Array.from({ length: 100 }, () => stack.sender.signal(key, { id: 'm1', content: 'hello' })));
  // Whatever is still in the workflow's inbox comes before this one.
  await stack.sender.submit(key, { id: 'last', content: 'last' });
  const events = await stack.ended(key, 2);
  expect(events.filter(({ type }) => type === 'message.received')).toHaveLength(2);
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(2);
});

test('a message id gives the same receipt after three continue-as-news, and after the workflow was terminated', async () => {
  const key = stack.key();
  const first = await stack.sender.submit(key, { id: 'm1', content: 'hello' });
  let sent = 1;
  for (; (await snapshotOf(key)).continuedAsNew < 3; sent += 1) {
    await stack.sender.submit(key, { content: `more ${sent}` });
    await stack.ended(key, sent + 1);
  }
  const asksBefore = asked;
  expect(await stack.sender.submit(key, { id: 'm1', content: 'hello' })).toEqual(first);

  await stack.sender.terminate(key, 'a test');
  expect(await stack.sender.submit(key, { id: 'm1', content: 'hello' })).toEqual(first);
  expect(await stack.sender.submit(key, { id: 'm1', content: 'hello' })).toEqual(first);
  expect(asked).toBe(asksBefore);
  const events = await stack.events(key);
  expect(events.filter(({ type }) => type === 'run.started')).toHaveLength(sent);
});

test('another body under a used id is refused, in every way it can differ', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { id: 'm1', content: 'hello' });
  const conflict = { code: 'idempotency_conflict' };
  await expect(stack.sender.submit(key, { id: 'm1', content: 'hello!' })).rejects.toMatchObject(conflict);
  await expect(
    stack.sender.submit(key, { id: 'm1', content: 'hello', whileRunning: 'interrupt' }),
  ).rejects.toMatchObject(conflict);
  await stack.ended(key);
  await stack.sender.terminate(key, 'a test');
  await expect(stack.sender.submit(key, { id: 'm1', content: 'hello!' })).rejects.toMatchObject(conflict);
  expect((await stack.events(key)).filter(({ type }) => type === 'message.received')).toHaveLength(1);
});

test('a refused message may come again under its id', async () => {
  const key = stack.key();
  await expect(stack.sender.submit(key, { id: 'm1', content: 'hello', agent: 'nobody' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect(await stack.sender.submit(key, { id: 'm1', content: 'hello' })).toMatchObject({ disposition: 'started' });
  await stack.ended(key);
});

test('one id in two sessions, or of two users, is two messages', async () => {
  const one = stack.key('one');
  const keys = [one, { ...one, session: 'two' }, stack.key('one')];
  const receipts = await Promise.all(keys.map((key) => stack.sender.submit(key, { id: 'm1', content: 'hello' })));
  expect(new Set(receipts.map(({ runId }) => runId)).size).toBe(3);
});
