import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { expireIfDue } from '../../../store/sessions/expire-if-due.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

beforeAll(async () => {
  const agents = [{ name: 'assistant' }, { name: 'brief', policy: { idleTimeoutMs: 1_000 } }];
  stack = await startStack({ temporal: await testTemporal(), model: () => 'yes', agents });
});
afterAll(() => stack[Symbol.asyncDispose]());

const status = async (key: SessionKey) => (await readSession(stack.db, key))?.status;
const result = (key: SessionKey) => stack.client.workflow.getHandle(workflowIdOf(key)).result();
const timersIn = async (key: SessionKey) =>
  (await historyOf(stack.client, workflowIdOf(key))).flatMap(({ timerStartedEventAttributes: timer }) => timer ?? []);

test('a session of an agent with a short idle time expires, its workflow completes, and a message reopens it', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello', agent: 'brief' });
  await result(key);
  expect(await status(key)).toBe('expired');
  await stack.sender.submit(key, { content: 'again' });
  const events = await stack.ended(key, 2);
  expect(events.map(({ type }) => type)).toContain('session.expired');
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'reopened' }));
  await result(key);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('a session that is opened without a message expires too', async () => {
  const key = stack.key();
  await stack.sender.open(key, { agent: 'brief' });
  await result(key);
  expect(await status(key)).toBe('expired');
});

test("a session's policy wins over its agent's, and a shorter one counts at once", async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  await stack.sender.update(key, { policy: { idleTimeoutMs: 1_000 } });
  await result(key);
  expect(await status(key)).toBe('expired');
});

test('many turns keep the one timer that the session began with', async () => {
  const key = stack.key();
  for (let n = 1; n <= 8; n += 1) {
    await stack.sender.submit(key, { content: `${n}` });
    await stack.ended(key, n);
  }
  expect(await timersIn(key)).toHaveLength(1);
});

test('a session that is told to look at its life goes on if it lives, and completes if the store has expired it', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  await handle.signal('lookAtLife');
  await stack.sender.submit(key, { content: 'still there' });
  await stack.ended(key, 2);
  await expireIfDue(stack.db, key, () => ({ idleTimeoutMs: 0, maxAgeMs: 1e9 }));
  await handle.signal('lookAtLife');
  await handle.result();
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('messages that keep coming at the instant of expiry are all answered', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello', agent: 'brief' });
  for (let n = 2; n <= 6; n += 1) {
    const events = await stack.ended(key, n - 1);
    const dueMs = Date.parse(events.at(-1)?.at ?? '') + 1_000;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, Math.max(0, dueMs - Date.now() - 20 + n * 5));
    await promise;
    await stack.sender.submit(key, { content: `${n}` });
  }
  const events = await stack.ended(key, 6);
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(6);
});
