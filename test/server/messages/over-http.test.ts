import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { Receipt } from '../../../contracts/session/message.ts';
import { runWorkflowIdOf, workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway, type Gateway } from '../../../gateway/create-gateway.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import {
  failedTasks,
  historyOf,
  rawPayload,
  rawSignal,
  type HistoryEvent,
} from '../../support/temporal/raw-temporal.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';
import { untilUnserved } from '../../support/serving.ts';
import { send } from '../../store/conversation.ts';

const AGENTS = [{ name: 'assistant' }];
const held = heldModel();
let stack: Stack;
let gateway: Gateway;

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: held.model, agents: AGENTS });
  gateway = createGateway({ ...stack, agents: registry(AGENTS, []) });
});
afterAll(async () => {
  await gateway.close();
  await stack[Symbol.asyncDispose]();
});

async function post(
  key: SessionKey,
  body: object,
  headers: Record<string, string> = {},
  to: Gateway = gateway,
): Promise<Receipt> {
  const path = `/v1/sessions/${key.session}/messages`;
  const response = await to.app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'perdure-user': key.user, ...headers },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Receipt & { receipt?: Receipt };
  expect({ ok: response.ok, answer }).toMatchObject({ ok: true });
  return answer.receipt ?? answer;
}

/** The kinds of the history's events, such as `WORKFLOW_TASK_COMPLETED`. */
const typesIn = (history: readonly HistoryEvent[]): string[] =>
  history.map((event) => {
    const name = Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '';
    return name.replace('EventAttributes', '');
  });

/** The history up to the completion of the workflow task that follows the last activity. */
async function settledHistory(workflowId: string, activities: number): Promise<readonly HistoryEvent[]> {
  for (;;) {
    const history = await historyOf(stack.client, workflowId);
    const types = typesIn(history);
    const isQuiet = types.at(-1) === 'workflowTaskCompleted' || types.at(-1) === 'timerStarted';
    if (isQuiet && types.filter((type) => type === 'activityTaskCompleted').length === activities) return history;
    await delay(20);
  }
}

test('a turn of a session that is not served adds a signal, two workflow tasks and one activity to the history, and none of its content', async () => {
  const temporal = await testTemporal();
  const deployment = { serving: { lingerMs: 0 } };
  await using cold = await startStack({ temporal, model: held.model, agents: AGENTS, deployment });
  const own = createGateway({ ...cold, agents: registry(AGENTS, []) });
  const key = cold.key();
  await post(key, { content: 'CANARY one' }, { prefer: 'wait=30' }, own);
  const first = await settledHistory(workflowIdOf(key), 1);
  await post(key, { content: 'CANARY two' }, { prefer: 'wait=30' }, own);
  const second = await settledHistory(workflowIdOf(key), 2);
  expect(typesIn(second.slice(first.length))).toEqual([
    'workflowExecutionSignaled',
    'workflowTaskScheduled',
    'workflowTaskStarted',
    'workflowTaskCompleted',
    'activityTaskScheduled',
    'activityTaskStarted',
    'activityTaskCompleted',
    'workflowTaskScheduled',
    'workflowTaskStarted',
    'workflowTaskCompleted',
  ]);
  const payloads = JSON.stringify(second, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
  expect(payloads).toContain('runAdmitted');
  expect(payloads).not.toContain('CANARY');
  expect(failedTasks(second)).toEqual([]);
  expect((await cold.events(key)).map(({ type }) => type)).not.toContain('session.recovered');
  await expect(replaySession(cold.client, key)).resolves.toBeUndefined();
  await own.close();
});

test('a turn of a session that is served adds nothing to the history', async () => {
  const key = stack.key();
  await post(key, { content: 'one' }, { prefer: 'wait=30' });
  const before = typesIn(await historyOf(stack.client, workflowIdOf(key)));
  for (const content of ['two', 'three', 'four']) await post(key, { content }, { prefer: 'wait=30' });
  expect((await stack.events(key)).filter(({ type }) => type === 'run.completed')).toHaveLength(4);
  expect(typesIn(await historyOf(stack.client, workflowIdOf(key)))).toEqual(before);
});

test('a run without a session is executed, and its workflow completes', async () => {
  const response = await gateway.app.request('/v1/runs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'perdure-user': 'once', prefer: 'wait=30' },
    body: JSON.stringify({ content: 'hello' }),
  });
  const { receipt, answer } = (await response.json()) as { receipt: Receipt; answer: string };
  expect(answer).toBe('echo hello');
  const workflowId = runWorkflowIdOf({ user: 'once', session: receipt.runId as string });
  await stack.client.workflow.getHandle(workflowId).result();
  expect(failedTasks(await historyOf(stack.client, workflowId))).toEqual([]);
});

test('messages queue behind the run in progress, in order, and one that interrupts stops it', async () => {
  const key = stack.key();
  await post(key, { content: 'hold first' });
  const call = await held.call('hold first');
  call.say('I was');
  expect(await post(key, { content: 'last' })).toMatchObject({ disposition: 'queued', position: 1 });
  const urgent = await post(key, { content: 'stop', whileRunning: 'interrupt' });
  expect(urgent).toMatchObject({ position: 0 });
  await call.aborted;
  const events = await stack.ended(key, 3);
  expect(events.filter(({ type }) => endsRun(type))).toMatchObject([
    { type: 'run.cancelled', reason: 'interrupted' },
    { output: 'echo stop' },
    { output: 'echo last' },
  ]);
  await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
});

test('a session whose workflow has completed is reopened without being taken for lost', async () => {
  const key = stack.key();
  await post(key, { content: 'one' }, { prefer: 'wait=30' });
  await stack.sender.end(key, { status: 'failed' });
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  await post(key, { content: 'two' }, { prefer: 'wait=30' });
  const recovered = (await stack.events(key)).filter(({ type }) => type === 'session.recovered');
  expect(recovered).toMatchObject([{ reason: 'reopened' }]);
});

test('a session whose workflow was lost goes on with the next message', async () => {
  const key = stack.key();
  await post(key, { content: 'one' }, { prefer: 'wait=30' });
  await stack.sender.terminate(key, 'lost');
  await untilUnserved(stack.db, key);
  await post(key, { content: 'two' }, { prefer: 'wait=30' });
  const events = await stack.ended(key, 2);
  expect(events.filter(({ type }) => type === 'session.recovered')).toMatchObject([{ reason: 'workflow_lost' }]);
});

test('a reference that no gateway would send makes the workflow read its runs from the store', async () => {
  const key = stack.key();
  await post(key, { content: 'one' }, { prefer: 'wait=30' });
  await send(stack.db, key, { id: 'm2', content: 'two' });
  await rawSignal(stack.client, workflowIdOf(key), 'runAdmitted', [rawPayload('{"run": "CANARY"}')]);
  const events = await stack.ended(key, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'echo two' });
  expect(events.filter(({ type }) => type === 'message.refused')).toEqual([]);
});

test('a session that was deleted is not created again by a late signal', async () => {
  const key = stack.key();
  const session = { status: 'active', agent: 'assistant' } as const;
  const run = { runId: 'gone', ordinal: 1, urgent: false };
  await stack.sender.wake(key, 'session', { session, run, interrupts: null, wasIdle: true });
  await stack.client.workflow.getHandle(workflowIdOf(key)).result();
  expect(await stack.events(key)).toEqual([]);
});

test('without a worker a message has its run at once, and is answered when a worker comes', async () => {
  await using idle = await startStack({ temporal: await testTemporal(), model: held.model, worker: false });
  const own = createGateway({ ...idle, agents: registry(AGENTS, []) });
  const key = idle.key();
  const request = async (content: string) => {
    const response = await own.app.request(`/v1/sessions/${key.session}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'perdure-user': key.user },
      body: JSON.stringify({ content }),
    });
    return (await response.json()) as Receipt;
  };
  expect(await request('one')).toMatchObject({ disposition: 'started', runId: expect.any(String) });
  expect(await request('two')).toMatchObject({ disposition: 'queued', position: 1 });
  // The signals are in Temporal before the worker comes.
  await own.close();
  await idle.startWorker();
  const events = await idle.ended(key, 2);
  expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual([
    'echo one',
    'echo two',
  ]);
});

test('a run that was never reported goes before one that was admitted later', async () => {
  const key = stack.key();
  await post(key, { content: 'zero' }, { prefer: 'wait=30' });
  await send(stack.db, key, { id: 'lost', content: 'lost' });
  await post(key, { content: 'later' });
  const events = await stack.ended(key, 3);
  expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual([
    'echo zero',
    'echo lost',
    'echo later',
  ]);
});
