import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { MessageInput } from '../../../contracts/session/message.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { virtualTime, type VirtualTime } from '../../support/temporal/virtual-time.ts';

const DAY_MS = 24 * 3_600_000;
/** The default, and one for each idle time in days. */
const AGENTS = [
  { name: 'assistant' },
  ...Array.from({ length: 30 }, (_, n) => ({
    name: `days-${n + 1}`,
    policy: { idleTimeoutMs: (n + 1) * DAY_MS, maxAgeMs: 100 * DAY_MS },
  })),
];

let time: VirtualTime | null = null;
let unavailable = '';
let stack: Stack;

beforeAll(async () => {
  const found = await virtualTime();
  if ('unavailable' in found) unavailable = found.unavailable;
  else {
    time = found;
    const lostSessions = { everyMs: 1_000_000 };
    stack = await startStack({
      temporal: found.address,
      db: found.db,
      model: () => 'yes',
      lostSessions,
      agents: AGENTS,
    });
  }
}, 300_000);
beforeEach((ctx) => {
  if (unavailable !== '') ctx.skip(unavailable);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await time?.[Symbol.asyncDispose]();
});

const clock = (): VirtualTime => time as VirtualTime;
const status = async (key: SessionKey) => (await readSession(stack.db, key))?.status;

/** Not by our sender: the server that skips time may take longer than that waits. */
async function signal(key: SessionKey, message: MessageInput): Promise<void> {
  await stack.client.workflow.signalWithStart('agentSession', {
    workflowId: workflowIdOf(key),
    taskQueue: stack.taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    signal: 'submitMessage',
    signalArgs: [message],
  });
}

async function answered(key: SessionKey, id: string): Promise<void> {
  await signal(key, { id, content: 'hello' });
  await stack.until(key, (events) => {
    const run = events.find((event) => event.type === 'message.received' && event.messageId === id);
    return events.some(
      (event) => endsRun(event.type) && 'runId' in event && run && event.runId === (run as { runId: string }).runId,
    );
  });
}

async function idleUntil(key: SessionKey, offsetMs: number): Promise<void> {
  const session = await readSession(stack.db, key);
  const dueMs = Date.parse(session?.lastActiveAt ?? '') + 7 * DAY_MS;
  await clock().pass(dueMs + offsetMs - (await clock().nowMs()));
}

test('a session expires after seven days without a message, and its workflow completes', async () => {
  const key = stack.key();
  await answered(key, 'm1');
  await idleUntil(key, -60_000);
  expect(await status(key)).toBe('active');
  await clock().pass(120_000);
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  expect(await status(key)).toBe('expired');
  expect((await stack.events(key)).at(-1)).toMatchObject({ type: 'session.expired' });
});

test.each([-1, 0, 1])('a message %i ms from the instant of expiry is answered', async (offsetMs) => {
  const key = stack.key();
  await answered(key, 'm1');
  await idleUntil(key, offsetMs);
  await answered(key, 'm2');
  const events = await stack.events(key);
  expect(await status(key)).toBe('active');
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(2);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
});

test('a session that is used every few days does not expire before its 30 days, keeps one timer, and then does', async () => {
  const key = stack.key();
  for (let n = 1; n <= 7; n += 1) {
    await answered(key, `m${n}`);
    expect(await status(key)).toBe('active');
    await clock().pass(4 * DAY_MS);
  }
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  const { events } = await handle.fetchHistory();
  const timers = events?.filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes) ?? [];
  // One to start with, and one for each look: 28 days hold at most eight.
  expect(timers.length).toBeLessThanOrEqual(8);
  await clock().pass(3 * DAY_MS);
  await handle.result();
  expect((await readSession(stack.db, key))?.endReason).toContain('maxAgeMs');
});

test('1,000 sessions of different ages expire over 30 days, each at its time', { timeout: 300_000 }, async () => {
  const keys = Array.from({ length: 1_000 }, (_, n) => stack.key(`s${n}`));
  const dayOf = new Map(keys.map((key, n) => [key, 1 + (n % 30)]));
  const start = await clock().nowMs();
  // Twenty at a time: the server that skips time is no quick one.
  for (let n = 0; n < keys.length; n += 20) {
    const some = keys.slice(n, n + 20);
    await Promise.all(some.map((key) => signal(key, { id: 'm1', content: 'hello', agent: `days-${dayOf.get(key)}` })));
    await Promise.all(some.map((key) => stack.ended(key)));
  }
  for (const day of [1, 7, 15, 30]) {
    await clock().pass(start + day * DAY_MS + 3_600_000 - (await clock().nowMs()));
    const due = keys.filter((key) => (dayOf.get(key) as number) <= day);
    await Promise.all(due.map((key) => stack.client.workflow.getHandle(workflowIdOf(key)).result()));
    const statuses = await Promise.all(keys.map(status));
    expect(statuses.filter((one) => one === 'expired')).toHaveLength(due.length);
    expect(due.every((key) => statuses[keys.indexOf(key)] === 'expired')).toBe(true);
  }
});
