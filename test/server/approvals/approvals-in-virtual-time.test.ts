import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { listItems } from '../../../store/inbox/list-items.ts';
import { lastOutput, pay, startAskingStack, type AskingStack } from '../../support/asking-stack.ts';
import { virtualTime, type VirtualTime } from '../../support/temporal/virtual-time.ts';

const DAY_MS = 24 * 3_600_000;
/** Sessions with a pending approval; 1,000 in the long version. */
const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 15);

let time: VirtualTime | null = null;
let unavailable = '';
let asking: AskingStack;

beforeAll(async () => {
  const found = await virtualTime();
  if ('unavailable' in found) unavailable = found.unavailable;
  else {
    time = found;
    asking = await startAskingStack({
      temporal: found.address,
      db: found.db,
      lostSessions: { everyMs: 100_000_000 },
      agents: [
        { name: 'assistant', tools: ['pay'], approvals: { remindMs: [DAY_MS, 3 * DAY_MS] } },
        ...Array.from({ length: 30 }, (_, n) => ({
          name: `days-${n + 1}`,
          tools: ['pay'],
          approvals: { expiresMs: (n + 1) * DAY_MS },
          policy: { idleTimeoutMs: DAY_MS / 2 },
        })),
      ],
    });
  }
}, 300_000);
beforeEach((ctx) => {
  if (unavailable !== '') ctx.skip(unavailable);
});
afterAll(async () => {
  await asking?.[Symbol.asyncDispose]();
  await time?.[Symbol.asyncDispose]();
});

const clock = (): VirtualTime => time as VirtualTime;

/** Not by our sender: the server that skips time may take longer than that waits. */
async function ask(key: SessionKey, agent: string): Promise<void> {
  const { stack } = asking;
  await stack.client.workflow.signalWithStart('agentSession', {
    workflowId: workflowIdOf(key),
    taskQueue: stack.taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    signal: 'submitMessage',
    signalArgs: [{ id: 'm1', content: JSON.stringify([pay(5)]), agent }],
  });
  await stack.until(key, (events) => events.some(({ type }) => type === 'approval.requested'));
}

const typesOf = async (key: SessionKey) => (await asking.stack.events(key)).map(({ type }) => type);

test('reminders come when they are due, and after seven days the approval expires', { timeout: 120_000 }, async () => {
  const key = asking.stack.key();
  await ask(key, 'assistant');
  const count = async () => (await typesOf(key)).filter((type) => type === 'approval.reminded').length;
  for (const [days, reminders] of [
    [0.9, 0],
    [0.2, 1],
    [1.8, 1],
    [0.2, 2],
    [3.8, 2],
  ] as const) {
    await clock().pass(days * DAY_MS);
    await expect.poll(count, { timeout: 20_000, interval: 50 }).toBe(reminders);
  }
  expect(await typesOf(key)).not.toContain('approval.expired');
  await clock().pass(0.2 * DAY_MS);
  const events = await asking.stack.ended(key);
  expect(lastOutput(events)).toBe('Error: The call was not approved: nobody answered in time.');
});

test(
  'pending approvals over thirty days each expire when they are due, and their sessions do not before',
  { timeout: 900_000 },
  async () => {
    const { stack } = asking;
    const keys = Array.from({ length: SESSIONS }, (_, n) => ({ key: stack.key(), days: ((2 * n) % 30) + 1 }));
    for (const { key, days } of keys) await ask(key, `days-${days}`);
    const pending = async () => {
      const open = await Promise.all(
        keys.map(async ({ key, days }) => ((await listItems(stack.db, key)).items.length > 0 ? [days] : [])),
      );
      return open.flat();
    };
    for (let day = 1; day <= 30; day += 1) {
      await clock().pass(DAY_MS + (day === 1 ? 60_000 : 0));
      const isDue = (days: number) => days <= day;
      await expect.poll(async () => (await pending()).filter(isDue), { timeout: 60_000, interval: 50 }).toEqual([]);
      expect((await pending()).length).toBe(keys.filter(({ days }) => !isDue(days)).length);
    }
    for (const { key } of keys) {
      const types = await typesOf(key);
      const expired = types.indexOf('session.expired');
      expect(types.indexOf('approval.expired')).toBeGreaterThan(0);
      expect(expired === -1 || expired > types.indexOf('run.completed')).toBe(true);
    }
  },
);
