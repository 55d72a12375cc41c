import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { childrenOf, DELEGATING_AGENTS, delegatingModel } from '../../support/children/delegating-agents.ts';
import { heldModel, type HeldCall } from '../../support/models/held-model.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
/** While true, the notifications that stop runs at once are lost. */
let notificationsLost = false;
const held = heldModel(delegatingModel);

beforeAll(async () => {
  const live = createInProcessLive();
  stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    agents: DELEGATING_AGENTS,
    live: {
      ...live,
      publish: (key, message) => {
        if (!(notificationsLost && message.kind === 'control')) live.publish(key, message);
      },
    },
    lostSessions: { everyMs: 500, quietForMs: 100 },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Tree {
  readonly key: SessionKey;
  readonly runId: string;
  readonly child: SessionKey;
  readonly grandchild: SessionKey;
  readonly call: HeldCall;
}

/** A lead whose researcher has called a writer, whose model call goes on. */
async function tree(task: string): Promise<Tree> {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: `researcher: writer> ${task}` });
  const call = await held.call(task);
  const [child] = childrenOf(key, await stack.events(key));
  const [grandchild] = childrenOf(child!, await stack.events(child!));
  return { key, runId: runId as string, child: child!, grandchild: grandchild!, call };
}

const statusOf = async (key: SessionKey) => (await readRun(stack.db, key, key.session))?.status;

test('a cancel reaches the model request of a grandchild, and every run of the tree ends as cancelled', async () => {
  const times: number[] = [];
  for (let round = 0; round < 10; round++) {
    const { key, child, grandchild, call } = await tree(`hold ${round}`);
    const begun = performance.now();
    await stack.sender.cancel(key, {});
    await call.aborted;
    times.push((call.abortedAt() ?? 0) - begun);
    const events = await stack.ended(key);
    expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
    await stack.ended(child);
    await stack.ended(grandchild);
    expect([await statusOf(child), await statusOf(grandchild)]).toEqual(['cancelled', 'cancelled']);
  }
  const sorted = times.toSorted((a, b) => a - b).map(Math.round);
  console.info(`cancel to a grandchild's aborted request, ms: median ${sorted[5]}, highest of 10 ${sorted[9]}`);
}, 60_000);

test('a session whose run waits for another agent waits for that tool, and not for its user', async () => {
  const { key, child, call } = await tree('hold the snapshot');
  await expect
    .poll(async () => (await readSnapshot(stack.db, key, () => resolvePolicy()))?.waitingFor)
    .toMatchObject({ what: 'tool', who: 'researcher' });
  await stack.sender.cancel(key, {});
  await call.aborted;
  await stack.ended(child);
});

test('the end of a session stops its tree', async () => {
  const { key, child, grandchild, call } = await tree('hold the end');
  await stack.sender.end(key, {});
  await call.aborted;
  await stack.ended(child);
  await stack.ended(grandchild);
  expect([await statusOf(child), await statusOf(grandchild)]).toEqual(['cancelled', 'cancelled']);
});

test('a message that interrupts a run stops its tree', async () => {
  const { key, child, grandchild, call } = await tree('hold the interrupt');
  await stack.sender.submit(key, { content: 'something else', whileRunning: 'interrupt' });
  await call.aborted;
  await stack.ended(child);
  await stack.ended(grandchild);
  const events = await stack.ended(key, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'lead did something else' });
  expect([await statusOf(child), await statusOf(grandchild)]).toEqual(['cancelled', 'cancelled']);
}, 60_000);

test('where the notifications are lost, the workflows carry the cancel to the grandchild', async () => {
  const { key, child, grandchild, call } = await tree('hold without live');
  notificationsLost = true;
  try {
    await stack.sender.cancel(key, {});
    await call.aborted;
  } finally {
    notificationsLost = false;
  }
  await stack.ended(key);
  await stack.ended(child);
  await stack.ended(grandchild);
  expect([await statusOf(child), await statusOf(grandchild)]).toEqual(['cancelled', 'cancelled']);
}, 60_000);

test('a run whose children are stopped is resumed, and the model is given what has become of its calls', async () => {
  const { key, runId, call } = await tree('hold and resume');
  await stack.sender.cancel(key, {});
  await call.aborted;
  await stack.ended(key);
  await stack.sender.resume(key, { runId });
  const events = await stack.ended(key, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
}, 60_000);
