import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const held = heldModel(({ messages }) => `saw ${messages.length}`);

beforeAll(async () => {
  const agents = [{ name: 'assistant' }, { name: 'other' }];
  stack = await startStack({ temporal: await testTemporal(), model: held.model, agents });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** A session that has answered once. */
async function answered(): Promise<SessionKey> {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  return key;
}

const workflowEnd = (key: SessionKey) => stack.client.workflow.getHandle(workflowIdOf(key)).result();
const status = async (key: SessionKey) => (await readSession(stack.db, key))?.status ?? null;

test('a session that was ended refuses messages, its workflow is over, and its events stay', async () => {
  const key = await answered();
  await stack.sender.end(key, { reason: 'all said' });
  await workflowEnd(key);
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'completed', endReason: 'all said' });
  await expect(stack.sender.submit(key, { content: 'more' })).rejects.toMatchObject({ code: 'session_ended' });
  const events = await stack.events(key);
  expect(events.at(-1)).toMatchObject({ type: 'session.ended', status: 'completed', reason: 'all said' });
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('ending twice is ending once', async () => {
  const key = await answered();
  await stack.sender.end(key, {});
  await stack.sender.end(key, {});
  expect((await stack.events(key)).filter(({ type }) => type === 'session.ended')).toHaveLength(1);
});

test('an end stops the run that is going and whatever waits, and says so of each', async () => {
  const key = stack.key();
  const first = await stack.sender.submit(key, { content: 'hold until the end' });
  const call = await held.call('hold until the end');
  call.say('I was');
  const second = await stack.sender.submit(key, { content: 'waits' });
  await stack.sender.end(key, {});
  await call.aborted;
  await workflowEnd(key);
  const events = await stack.events(key);
  for (const { runId } of [first, second]) {
    expect(await readRun(stack.db, key, runId as string)).toMatchObject({ status: 'cancelled' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', runId, reason: 'session_ended' }));
  }
  expect(events.at(-1)).toMatchObject({ type: 'session.ended' });
  expect(events).toContainEqual(expect.objectContaining({ type: 'message.completed', text: 'I was', partial: true }));
});

test('a session that was ended as failed reopens with a message, and remembers', async () => {
  const key = await answered();
  await stack.sender.end(key, { status: 'failed', reason: 'gave up' });
  await workflowEnd(key);
  expect(await status(key)).toBe('failed');
  await stack.sender.submit(key, { content: 'again' });
  const events = await stack.ended(key, 2);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'reopened' }));
  expect(events.at(-1)).toMatchObject({ output: 'saw 3' });
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'active', endReason: null });
});

test('a message that comes with an end is either answered or refused, never forgotten', async () => {
  for (let round = 0; round < 6; round += 1) {
    const key = await answered();
    const [, receipt] = await Promise.all([
      stack.sender.end(key, { status: 'failed' }),
      stack.sender.submit(key, { content: 'at the end' }),
    ]);
    await stack.ended(key, 2);
    expect((await readRun(stack.db, key, receipt.runId as string))?.status).toMatch(/^(completed|cancelled)$/);
  }
});

test('an archived session is restored by a message, and remembers', async () => {
  const key = await answered();
  await stack.sender.terminate(key, 'archived');
  await archiveSession(stack.db, key);
  await stack.sender.submit(key, { content: 'again' });
  const events = await stack.ended(key, 2);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'restored' }));
  expect(events.at(-1)).toMatchObject({ output: 'saw 3' });
  expect(await status(key)).toBe('active');
});

test('a deleted session starts afresh: it remembers nothing, and old message ids are new', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { id: 'm1', content: 'hello' });
  await stack.ended(key);
  await stack.sender.terminate(key, 'deleted');
  await deleteSession(stack.db, key);
  expect(await status(key)).toBeNull();
  await stack.sender.submit(key, { id: 'm1', content: 'something else' });
  const events = await stack.ended(key);
  expect(events[0]).toMatchObject({ seq: 1, type: 'session.opened' });
  expect(events.at(-1)).toMatchObject({ output: 'saw 1' });
});

test('a session deleted under its idle workflow starts afresh too', async () => {
  const key = await answered();
  await deleteSession(stack.db, key);
  await stack.sender.submit(key, { content: 'hello' });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'saw 1' });
});

test('a session is created without a message, with metadata and policy, once', async () => {
  const key = stack.key();
  const input = { agent: 'other', metadata: { plan: 'gold' }, policy: { whileRunning: 'steer' as const } };
  expect(await stack.sender.open(key, input)).toEqual({ created: true });
  expect(await stack.sender.open(key, {})).toEqual({ created: false });
  expect(await readSession(stack.db, key)).toMatchObject({ status: 'active', ...input, messages: 0 });
  await stack.sender.submit(key, { content: 'hello' });
  expect((await stack.ended(key)).map(({ type }) => type)[0]).toBe('session.opened');
});

test('100 creations at once create one session', async () => {
  const key = stack.key();
  const opened = await Promise.all(Array.from({ length: 100 }, () => stack.sender.open(key, {})));
  expect(opened.filter(({ created }) => created)).toHaveLength(1);
  expect(await stack.events(key)).toHaveLength(1);
});

test('a session keeps the agent it was created with', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello', agent: 'other' });
  await stack.ended(key);
  expect(await readSession(stack.db, key)).toMatchObject({ agent: 'other' });
  await expect(stack.sender.submit(key, { content: 'x', agent: 'assistant' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await stack.sender.submit(key, { content: 'hello', agent: 'other' });
  await stack.ended(key, 2);
});

test('metadata and state are merged, null removes a key, and what changes nothing is no event', async () => {
  const key = await answered();
  await stack.sender.update(key, { metadata: { a: 1, b: { c: [2] } }, state: { tools: { 'x/y': true } } });
  await stack.sender.update(key, { metadata: { a: null, d: 'ü' } });
  await stack.sender.update(key, { metadata: { d: 'ü' } });
  expect(await readSession(stack.db, key)).toMatchObject({
    metadata: { b: { c: [2] }, d: 'ü' },
    state: { tools: { 'x/y': true } },
  });
  expect((await stack.events(key)).filter(({ type }) => type === 'session.updated')).toHaveLength(2);
});

test('a command to a session that is not there is refused, and creates nothing', async () => {
  const key = stack.key();
  await expect(stack.sender.update(key, { metadata: { a: 1 } })).rejects.toMatchObject({ code: 'not_found' });
  await expect(stack.sender.end(key, {})).rejects.toMatchObject({ code: 'not_found' });
  await expect(stack.sender.resume(key, { runId: 'none' })).rejects.toMatchObject({ code: 'not_found' });
  await workflowEnd(key);
  expect(await status(key)).toBeNull();
});

test('a session whose workflow was cancelled in Temporal goes on with the next message', async () => {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'hold cancelled' });
  const call = await held.call('hold cancelled');
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  await handle.cancel();
  await call.aborted;
  await expect(handle.result()).rejects.toThrow(/cancelled/i);
  expect(await readRun(stack.db, key, runId as string)).toMatchObject({ status: 'cancelled' });
  await stack.sender.submit(key, { content: 'again' });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed' });
});
