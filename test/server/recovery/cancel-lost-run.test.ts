import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { send } from '../../store/conversation.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const held = heldModel();

beforeAll(async () => {
  // No worker looks for lost workflows while a test runs.
  const lostSessions = { everyMs: 3_600_000, quietForMs: 3_600_000 };
  stack = await startStack({ temporal: await testTemporal(), model: held.model, lostSessions });
});
afterAll(() => stack[Symbol.asyncDispose]());

test.each(['by its id', 'as the current one'])(
  'a run whose workflow was lost is cancelled in the store (%s), its model call stops, and the runs behind it go on',
  async (how) => {
    const key = stack.key();
    const first = await stack.sender.submit(key, { content: `hold ${how}` });
    const call = await held.call(`hold ${how}`);
    await stack.sender.submit(key, { content: 'behind' });
    await stack.client.workflow.getHandle(workflowIdOf(key)).terminate('lost');
    const runId = first.runId as string;
    expect(await stack.sender.cancel(key, how === 'by its id' ? { runId } : {})).toEqual({ runId });
    await call.aborted;
    const events = await stack.ended(key, 2);
    expect(events).toContainEqual(expect.objectContaining({ type: 'run.cancelled', runId, reason: 'cancelled' }));
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'echo behind' });
    await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
  },
);

test('a run that only the store has is cancelled, although the workflow runs and does not have it', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  const { runId } = await send(stack.db, key, { id: 'm2', content: 'never queued' });
  expect(await stack.sender.cancel(key, { runId })).toEqual({ runId });
  expect(await readRun(stack.db, key, runId)).toMatchObject({ status: 'cancelled' });
  expect(await stack.sender.cancel(key, { runId })).toEqual({ runId: null });
  await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
});

test('a one-off run whose workflow was lost is cancelled', async () => {
  const key = stack.key('run-lost');
  const { runId } = await stack.sender.submitRun(key, { content: 'hold one-off' });
  const call = await held.call('hold one-off');
  await stack.client.workflow.getHandle(`:run:${workflowIdOf(key)}`).terminate('lost');
  expect(await stack.sender.cancelRun(key, {})).toEqual({ runId });
  await call.aborted;
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.cancelled', runId });
});

test('a cancel in a session that does not exist creates none', async () => {
  const key = stack.key();
  expect(await stack.sender.cancel(key, { runId: 'none' })).toEqual({ runId: null });
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  expect(await readSession(stack.db, key)).toBeNull();
});
