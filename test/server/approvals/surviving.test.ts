import { afterAll, beforeAll, expect, test } from 'vitest';
import { UPDATE } from '../../../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { sessionLimits } from '../../../contracts/session/session-limits.ts';
import { answerApproval } from '../../../store/inbox/answer-item.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import { lastOutput, pay, startAskingStack, type AskingStack } from '../../support/asking-stack.ts';
import { executionsOf, failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { privateTemporal, type PrivateTemporal } from '../../support/temporal/temporal-server.ts';

let temporal: PrivateTemporal;
let asking: AskingStack;
beforeAll(async () => {
  temporal = await privateTemporal({ suggestContinueAsNewAt: 40 });
  asking = await startAskingStack({
    temporal: temporal.address,
    lostSessions: { everyMs: 100, quietForMs: 300 },
    agents: [
      { name: 'assistant', tools: ['pay'] },
      { name: 'proceeding', tools: ['pay'], policy: { whileWaiting: 'proceed' } },
      { name: 'hasty', tools: ['pay'], approvals: { expiresMs: 5_000, remindMs: 1_000 } },
    ],
  });
}, 120_000);
afterAll(async () => {
  await asking[Symbol.asyncDispose]();
  await temporal.stop();
});

async function waiting(agent: string) {
  const { stack } = asking;
  const key = stack.key(agent);
  const [item] = await asking.ask(key, [pay(5)], agent);
  const status = async () => (await readRun(stack.db, key, item?.runId ?? ''))?.status;
  await expect.poll(status, { interval: 20 }).toBe('waiting');
  return { key, item };
}

/** Answers as a gateway does: in the store, then by a signal. */
async function approveInStore(key: SessionKey, itemId: string): Promise<void> {
  const { stack } = asking;
  const by = { user: key.user, isOperator: false, groups: [] };
  const request = { itemId, answer: { decision: 'approve' as const }, by, violationsOf: () => [] };
  const { wakes: run, session, epoch } = await answerApproval(stack.db, key, request);
  if (run) await stack.sender.wake(key, 'session', { session, run, interrupts: null, wasIdle: false, epoch });
}

test('an answer in the store and a signal make the run go on', async () => {
  const { key, item } = await waiting('assistant');
  await approveInStore(key, item?.id ?? '');
  expect(lastOutput(await asking.stack.ended(key))).toBe('paid 5');
});

test('an answer is not lost where the signal is', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('assistant');
  const by = { user: key.user, isOperator: false, groups: [] };
  await answerApproval(stack.db, key, {
    itemId: item?.id ?? '',
    answer: { decision: 'approve' },
    by,
    violationsOf: () => [],
  });
  expect(lastOutput(await stack.ended(key))).toBe('paid 5');
});

test('a run that waits goes on by an answer after its workflow was terminated', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('assistant');
  await stack.client.workflow.getHandle(workflowIdOf(key)).terminate('lost');
  await approveInStore(key, item?.id ?? '');
  expect(lastOutput(await stack.ended(key))).toBe('paid 5');
});

test('reminder and deadline come, also after the workflow with their timer was terminated', async () => {
  const { stack } = asking;
  const { key } = await waiting('hasty');
  await stack.until(key, (events) => events.some(({ type }) => type === 'approval.reminded'));
  await stack.client.workflow.getHandle(workflowIdOf(key)).terminate('lost');
  const events = await stack.ended(key);
  expect(lastOutput(events)).toBe('Error: The call was not approved: nobody answered in time.');
  expect(events.filter(({ type }) => type === 'approval.expired')).toHaveLength(1);
});

test('a deadline comes after its session was archived and restored', async () => {
  const { stack } = asking;
  const { key } = await waiting('hasty');
  await stack.client.workflow.getHandle(workflowIdOf(key)).terminate('removed');
  await archiveSession(stack.db, key);
  await restoreSession(stack.db, key, sessionLimits(undefined));
  const events = await stack.ended(key);
  expect(lastOutput(events)).toBe('Error: The call was not approved: nobody answered in time.');
  expect(events.filter(({ type }) => type === 'approval.expired')).toHaveLength(1);
});

test('a pending approval and its deadline go through five continue-as-news', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('proceeding');
  const executions = async () => (await executionsOf(stack.client, workflowIdOf(key))).length;
  let sent = 0;
  while ((await executions()) < 6) {
    await stack.sender.submit(key, { content: `message ${(sent += 1)}` });
    await stack.ended(key, sent);
  }
  await stack.client.workflow
    .getHandle(workflowIdOf(key))
    .executeUpdate(UPDATE.answerApproval, { args: [{ itemId: item?.id, answer: { decision: 'approve' } }] });
  const events = await stack.ended(key, sent + 1);
  expect(lastOutput(events)).toBe('paid 5');
  expect(asking.payments.filter(({ session }) => session === 'proceeding')).toHaveLength(1);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
  await replaySession(stack.client, key);
});

test('a worker that stops and another that starts leave a pending approval as it is', async () => {
  const { stack } = asking;
  const { key, item } = await waiting('assistant');
  await stack.stopWorker();
  await stack.startWorker();
  await asking.approve(key, item);
  expect(lastOutput(await stack.ended(key))).toBe('paid 5');
});
