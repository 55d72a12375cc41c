import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import threads from 'node:worker_threads';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { modulePath } from '../../assets/package-files.ts';
import { prepareWorkflowThread, SessionWorker } from '../../worker/session-worker.ts';
import { failedTasks, historyOf } from '../support/temporal/raw-temporal.ts';
import { testTemporal } from '../support/temporal/temporal-server.ts';

const TIMEOUT = 'Script execution timed out after 300ms';
const KINDS = { 'of the SDK': Worker, 'of Perdure': SessionWorker };
let workflowBundle: { readonly code: string };

beforeAll(async () => {
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../support/temporal/endless-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
}, 60_000);

test('the workflow threads of a session worker are its own, and one that was started before is used once', async () => {
  const files: unknown[] = [];
  const { Worker: NodeWorker } = threads;
  threads.Worker = class extends NodeWorker {
    constructor(...args: ConstructorParameters<typeof NodeWorker>) {
      super(...args);
      files.push(args[0]);
    }
  };
  onTestFinished(() => void (threads.Worker = NodeWorker));
  const { client, taskQueue } = await running(SessionWorker);
  expect(await client.workflow.execute('fine', { workflowId: taskQueue, taskQueue })).toBe('fine');
  expect(files).toEqual([modulePath('worker/workflow-thread')]);

  prepareWorkflowThread();
  prepareWorkflowThread();
  expect(files).toHaveLength(2);
  for (const started of [2, 3]) {
    const next = await running(SessionWorker);
    expect(await next.client.workflow.execute('fine', { workflowId: next.taskQueue, taskQueue: next.taskQueue })).toBe(
      'fine',
    );
    expect(files).toHaveLength(started);
  }
});

test.for(
  Object.keys(KINDS).flatMap((kind) =>
    ['endlessAtStart', 'endlessAfterAwait', 'endlessInCondition'].map((type) => [kind, type] as const),
  ),
)('on a worker %s, a workflow (%s) fails its task, and others go on', async ([kind, type]) => {
  const { client, taskQueue } = await running(KINDS[kind as keyof typeof KINDS]);
  const workflowId = `${type}-${taskQueue}`;
  await client.workflow.start(type, { workflowId, taskQueue });
  expect(await client.workflow.execute('fine', { workflowId: `fine-${taskQueue}`, taskQueue })).toBe('fine');
  await expect
    .poll(async () => failedTasks(await historyOf(client, workflowId)), { timeout: 10_000 })
    .toContainEqual(expect.stringContaining(TIMEOUT));
});

test.for(Object.keys(KINDS))(
  'on a worker %s, an endless update fails its task, an endless query is refused, and others go on',
  async (kind) => {
    const { client, taskQueue } = await running(KINDS[kind as keyof typeof KINDS]);
    const query = await client.workflow.start('endlessInQuery', { workflowId: `query-${taskQueue}`, taskQueue });
    await expect
      .poll(async () =>
        (await historyOf(client, query.workflowId)).some((event) => event.workflowTaskCompletedEventAttributes),
      )
      .toBe(true);
    await expect(query.query('loop')).rejects.toThrow(TIMEOUT);
    const update = await client.workflow.start('endlessInUpdate', { workflowId: `update-${taskQueue}`, taskQueue });
    const refused = update.executeUpdate('loop').catch(() => 'refused');
    await expect
      .poll(async () => failedTasks(await historyOf(client, update.workflowId)), { timeout: 10_000 })
      .toContainEqual(expect.stringContaining(TIMEOUT));
    expect(await client.workflow.execute('fine', { workflowId: `fine-${taskQueue}`, taskQueue })).toBe('fine');
    await update.terminate();
    expect(await refused).toBe('refused');
  },
);

/** A worker whose workflows have 300 ms for an activation, on a task queue of its own. */
async function running(kind: typeof Worker): Promise<{ client: Client; taskQueue: string }> {
  const address = await testTemporal();
  const [connection, native] = [await Connection.connect({ address }), await NativeConnection.connect({ address })];
  const taskQueue = `endless-${randomUUID()}`;
  const worker = await kind.create({
    connection: native,
    taskQueue,
    workflowBundle,
    isolateExecutionTimeout: '300ms',
  } as WorkerOptions);
  const done = worker.run();
  onTestFinished(async () => {
    worker.shutdown();
    await done;
    await native.close();
    await connection.close();
  });
  return { client: new Client({ connection }), taskQueue };
}
