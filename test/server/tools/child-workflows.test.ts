import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool, type ToolContext } from '../../../agents/define-tool.ts';
import type { StartedWorkflow } from '../../../agents/start-workflow.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { runWorkflowIdOf, workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import { createGateway, type Gateway } from '../../../gateway/create-gateway.ts';
import { recordChild } from '../../../store/sessions/children.ts';
import { workflowStarter } from '../../../worker/workflow-starter.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const taskQueue = `children-${randomUUID()}`;
let stack: Stack;
let gateway: Gateway;
let stopReports: () => Promise<void>;

/** What the tools do in this test. */
let act: (of: string, context: ToolContext) => unknown;
let tries = 0;

const write = (name: string, idempotent: boolean) =>
  defineTool({
    name,
    description: 'Has a report written.',
    parameters: z.object({ of: z.string() }),
    idempotent,
    timeoutMs: 30_000,
    retry: { initialIntervalMs: 1 },
    execute: ({ of }, context) => {
      tries += 1;
      return act(of, context);
    },
  });
const tools = [write('write', true), write('write-once', false)];

const model: FunctionModel = (request) => {
  const last = request.messages.at(-1);
  if (last?.role === 'tool') return last.content;
  const [tool = '', of = ''] = lastUserMessage(request).split(' ');
  return { text: '', toolCalls: [{ callId: 'c1', tool, arguments: { of }, malformed: null }] };
};

beforeAll(async () => {
  const temporal = await testTemporal();
  const agents = [{ name: 'assistant', tools: tools.map(({ name }) => name) }];
  stack = await startStack({ temporal, model, agents, tools });
  gateway = createGateway({ ...stack, agents: registry(agents, tools) });
  const connection = await NativeConnection.connect({ address: temporal });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../support/temporal/child-workflows.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
  });
  const done = worker.run();
  stopReports = async () => {
    worker.shutdown();
    await done;
    await connection.close();
  };
}, 120_000);
afterAll(async () => {
  await gateway.close();
  await stopReports();
  await stack[Symbol.asyncDispose]();
});
beforeEach(() => {
  tries = 0;
  act = async (of, { startWorkflow }) => (await startWorkflow('report', { taskQueue, args: [of] })).workflowId;
});

async function snapshotOf({ user, session }: SessionKey): Promise<SessionSnapshot> {
  const response = await gateway.app.request(`http://127.0.0.1/v1/sessions/${encodeURIComponent(session)}`, {
    headers: { 'perdure-user': encodeURIComponent(user) },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as SessionSnapshot;
}

/** Has a tool called; resolves with the answer, which is what the tool gave. */
async function ask(key: SessionKey, content: string, runs = 1): Promise<string> {
  await stack.sender.submit(key, { content });
  const end = (await stack.ended(key, runs)).at(-1);
  return end?.type === 'run.completed' ? end.output : JSON.stringify(end);
}

const handleOf = (workflowId: string) => stack.client.workflow.getHandle(workflowId);
const finish = async (workflowId: string) => {
  await handleOf(workflowId).signal('finish');
  return await handleOf(workflowId).result();
};

test('a workflow that a tool starts is listed while it runs, and gone when it is over', async () => {
  const key = stack.key();
  const workflowId = await ask(key, 'write sales');
  const snapshot = await snapshotOf(key);
  expect(snapshot.children).toEqual([
    { workflowId, type: 'report', taskQueue, tool: 'write', runId: expect.any(String), startedAt: expect.any(String) },
  ]);
  expect(Date.parse(snapshot.children?.[0]?.startedAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
  const { runId = '' } = snapshot.children?.[0] ?? {};
  expect(await finish(workflowId)).toEqual({
    of: 'sales',
    memo: { perdure: { session: workflowIdOf(key), run: runId, tool: 'write' } },
  });
  expect((await snapshotOf(key)).children).toEqual([]);
  // Temporal is not asked again about one that is over.
  const [row] = await stack.db.query(`SELECT 1 FROM perdure.children WHERE workflow_id = $1 AND ended_at IS NULL`, [
    workflowId,
  ]);
  expect(row).toBeUndefined();
});

test('a workflow that is to end with its session is cancelled when that ends, and others go on', async () => {
  const key = stack.key();
  const ids: string[] = [];
  act = async (of, { startWorkflow }) => {
    for (const onSessionEnd of ['cancel', 'leave'] as const) {
      const { workflowId } = await startWorkflow('report', { taskQueue, args: [of], name: onSessionEnd, onSessionEnd });
      ids.push(workflowId);
    }
  };
  await ask(key, 'write sales');
  await stack.sender.end(key, {});
  await expect(handleOf(ids[0] ?? '').result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect((await handleOf(ids[1] ?? '').describe()).status.name).toBe('RUNNING');
  await finish(ids[1] ?? '');
});

test("another user's are never seen, whatever the session is called", async () => {
  const [ann, bob] = [stack.key(), stack.key()];
  const [ofAnn, ofBob] = [await ask(ann, 'write sales'), await ask(bob, 'write sales')];
  expect(ofAnn).not.toBe(ofBob);
  expect((await snapshotOf(ann)).children?.map(({ workflowId }) => workflowId)).toEqual([ofAnn]);
  expect((await snapshotOf(bob)).children?.map(({ workflowId }) => workflowId)).toEqual([ofBob]);
  for (const id of [ofAnn, ofBob]) await finish(id);
});

test('another try of a call finds the workflow that the first one started, running or over', async () => {
  const started: StartedWorkflow[] = [];
  act = async (of, { attempt, startWorkflow }) => {
    started.push(await startWorkflow('report', { taskQueue, args: [of] }));
    if (attempt === 2) await finish(started[0]?.workflowId ?? '');
    if (attempt < 3) throw new Error('not yet');
    return await started.at(-1)?.result();
  };
  const key = stack.key();
  expect(JSON.parse(await ask(key, 'write sales'))).toMatchObject({ of: 'sales' });
  expect(tries).toBe(3);
  expect(new Set(started.map(({ workflowId }) => workflowId)).size).toBe(1);
  expect((await snapshotOf(key)).children).toEqual([]);
});

test('after a worker goes in the middle of a call, the workflow is there once, and listed', async () => {
  const going = Promise.withResolvers<string>();
  act = async (of, { startWorkflow }) => {
    const child = await startWorkflow('report', { taskQueue, args: [of] });
    going.resolve(child.workflowId);
    return await child.result();
  };
  const key = stack.key();
  await stack.sender.submit(key, { content: 'write sales' });
  const workflowId = await going.promise;
  const { runId } = await handleOf(workflowId).describe();
  await stack.stopWorker();
  expect((await snapshotOf(key)).children).toMatchObject([{ workflowId }]);
  await stack.startWorker();
  await finish(workflowId);
  expect((await stack.ended(key)).at(-1)).toMatchObject({
    type: 'run.completed',
    output: expect.stringContaining('sales'),
  });
  expect((await handleOf(workflowId).describe()).runId).toBe(runId);
  expect(tries).toBeGreaterThan(1);
});

test('a call that starts several names them', async () => {
  act = async (of, { startWorkflow }) => {
    const [one, two] = [
      { taskQueue, args: [of] },
      { taskQueue, args: [of], name: 'two' },
    ];
    const ids = [await startWorkflow('report', one), await startWorkflow('report', two)].map(
      (child) => child.workflowId,
    );
    const again = await startWorkflow('report', two).catch((error: Error) => error.message);
    return [...ids, again];
  };
  const key = stack.key();
  const [first, second, refusal] = JSON.parse(await ask(key, 'write-once sales')) as string[];
  expect(second).toBe(`${first}-two`);
  expect(refusal).toMatch(/^This call has already started a workflow named "two"\. Give each workflow a distinct name/);
  expect((await snapshotOf(key)).children?.map(({ workflowId }) => workflowId)).toEqual([second, first]);
  for (const id of [first, second]) await finish(id ?? '');
});

test('a workflow that fails is an error that the model is told and no try repeats', async () => {
  act = async (_of, { startWorkflow }) => {
    const child = await startWorkflow('report', { taskQueue, args: ['fail'] });
    await handleOf(child.workflowId).signal('finish');
    return await child.result();
  };
  expect(await ask(stack.key(), 'write sales')).toBe('Error: The workflow "report" did not complete: no such report');
  expect(tries).toBe(1);
});

test('a call that is stopped waits no longer, and its workflow goes on', async () => {
  const going = Promise.withResolvers<string>();
  const left = Promise.withResolvers<unknown>();
  act = async (of, { startWorkflow }) => {
    const child = await startWorkflow('report', { taskQueue, args: [of] });
    going.resolve(child.workflowId);
    return await child.result().catch((error) => left.resolve(error));
  };
  const key = stack.key();
  await stack.sender.submit(key, { content: 'write-once sales' });
  const workflowId = await going.promise;
  await stack.sender.cancel(key, {});
  expect(await left.promise).toBeInstanceOf(Error);
  await stack.ended(key);
  expect((await snapshotOf(key)).children).toMatchObject([{ workflowId }]);
  await finish(workflowId);
});

test('a run without a session starts them too, under its own name', async () => {
  const key = stack.key(randomUUID());
  await stack.sender.submitRun(key, { id: key.session, content: 'write sales' });
  const end = (await stack.ended(key)).at(-1);
  expect(await finish(end?.type === 'run.completed' ? end.output : '')).toMatchObject({
    memo: { perdure: { session: runWorkflowIdOf(key), tool: 'write' } },
  });
});

test('a result that is long in coming is waited for', async () => {
  const connection = await NativeConnection.connect({ address: await testTemporal() });
  onTestFinished(() => connection.close());
  const starter = workflowStarter(new Client({ connection }), { sliceMs: 200 });
  const startedBy = { session: workflowIdOf(stack.key()), run: 'r', tool: 'write' };
  const workflow = { type: 'report', taskQueue, args: ['late'], timeoutMs: 60_000, startedBy };
  const { workflowId, result } = await starter.start({ ...workflow, workflowId: randomUUID() });
  const waiting = result();
  // Over several calls that wait.
  await delay(900);
  await finish(workflowId);
  expect(await waiting).toMatchObject({ of: 'late' });
});

test('what cannot be started is told to the model with the reason, and is not listed', async () => {
  const key = stack.key();
  const refusals: [Parameters<ToolContext['startWorkflow']>, RegExp][] = [
    [['report', { taskQueue: '' }], /The workflow "report" cannot be started: taskQueue: /],
    [['report', { taskQueue, name: 'a b' }], /name: must be 1 to 64 letters/],
    [
      ['report', { taskQueue, args: ['x'.repeat(LIMITS.childArgumentsBytes.value)] }],
      /are too large: \d+ bytes as JSON, the limit is 524288/,
    ],
  ];
  for (const [index, [args, reason]] of refusals.entries()) {
    act = (_of, { startWorkflow }) => startWorkflow(...args);
    expect(await ask(key, 'write x', index + 1)).toMatch(reason);
  }
  expect(tries).toBe(refusals.length);
  expect((await snapshotOf(key)).children).toEqual([]);
});

test('at the limit those that are over make room, and otherwise the next is refused', async () => {
  const key = stack.key();
  await stack.sender.open(key, {});
  const running = await ask(key, 'write sales');
  const note = (workflowId: string) =>
    recordChild(stack.db, key, { workflowId, type: 'report', taskQueue, runId: 'r', tool: 'write' });
  for (let n = 1; n < LIMITS.childWorkflows.value; n += 1) await note(`child-of-nobody-${randomUUID()}`);
  expect(await ask(key, 'write more', 2)).toMatch(/^Error: Tools of this session have 100 workflows running/);
  await stack.db.query(
    `UPDATE perdure.children SET noted_at = noted_at - interval '2 hours' WHERE session_id = $1 AND user_id = $2`,
    [key.session, key.user],
  );
  const next = await ask(key, 'write more', 3);
  expect((await snapshotOf(key)).children?.map(({ workflowId }) => workflowId)).toEqual([next, running]);
  for (const id of [running, next]) await finish(id);
});
