import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { expect, onTestFinished, test } from 'vitest';
import { createMcpServers } from '../../../mcp/mcp-servers.ts';
import { createMemories } from '../../../memory/create-memories.ts';
import { ProviderLimiter } from '../../../activities/shared/provider-limiter.ts';
import { createActivities } from '../../../activities/create-activities.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { isServer } from '../../../worker/is-server.ts';
import { sessionCommands } from '../../../worker/batches/session-commands.ts';
import { userExecutions } from '../../../worker/erasure/user-executions.ts';
import { runWorkflows } from '../../../worker/run-workflows.ts';
import { workflowStarter } from '../../../worker/workflow-starter.ts';
import { PAYLOAD_CONVERTER, workerTuning } from '../../../worker/tuning.ts';
import { functionModels, lastUserMessage } from '../../../testing/function-models.ts';
import { heldModel, type HeldModel } from '../../support/models/held-model.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('a session whose history can no longer be replayed goes on from the store, with the signals that waited', async () => {
  const temporal = await testTemporal();
  const held = heldModel((request) => `echo ${lastUserMessage(request)}`);
  await using stack = await startStack({
    temporal,
    model: held.model,
    lostSessions: { everyMs: 500, quietForMs: 300 },
  });
  await stack.stopWorker();
  const key = stack.key();
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  {
    // What another version began cannot be replayed by this one.
    await using _other = await otherVersion(temporal, stack, held);
    await stack.sender.signal(key, { content: 'hold first' });
    await held.call('hold first');
    await stack.sender.signal(key, { id: 'second', content: 'second' });
    await stack.until(key, (events) =>
      events.some((event) => event.type === 'message.received' && event.messageId === 'second'),
    );
  }
  await stack.sender.signal(key, { content: 'third' });
  const { runId } = await handle.describe();

  await stack.startWorker();
  (await held.call('hold first')).answer('first');
  const events = await stack.ended(key, 3);

  const outputs = events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));
  expect(outputs).toEqual(['first', 'echo second', 'echo third']);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'workflow_lost' }));
  const now = await handle.describe();
  expect(now.status.name).toBe('RUNNING');
  expect(now.runId).not.toBe(runId);
}, 120_000);

test('so does one that was idle: a message that was signalled to it is answered', async () => {
  const temporal = await testTemporal();
  const model = heldModel((request) => `echo ${lastUserMessage(request)}`);
  await using stack = await startStack({ temporal, model: model.model, lostSessions: { everyMs: 500 } });
  await stack.stopWorker();
  const key = stack.key();
  {
    await using _other = await otherVersion(temporal, stack, model);
    await stack.sender.signal(key, { content: 'first' });
    await stack.ended(key);
  }
  await stack.sender.signal(key, { content: 'second' });

  await stack.startWorker();
  const events = await stack.ended(key, 2);

  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'echo second' });
}, 120_000);

/** A worker whose workflow code does something else than ours. */
async function otherVersion(
  temporal: string,
  { client, db, live, taskQueue, telemetry }: Stack,
  { model }: HeldModel,
): Promise<AsyncDisposable> {
  const connection = await NativeConnection.connect({ address: temporal });
  onTestFinished(() => connection.close());
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../support/temporal/broken-workflows.ts', import.meta.url)),
      payloadConverterPath: PAYLOAD_CONVERTER,
      logger: new DefaultLogger('ERROR'),
    }),
    activities: createActivities({
      db,
      live,
      agents: registry([{ name: 'assistant' }], []),
      models: functionModels(model),
      deployment: {},
      memories: createMemories({ db }),
      mcp: createMcpServers({ telemetry }),
      telemetry,
      workflows: workflowStarter(client),
      runs: runWorkflows(client, taskQueue),
      isServer: isServer(client),
      isCutOff: () => false,
      draining: new AbortController().signal,
      commands: sessionCommands(client, taskQueue),
      userExecutions: (user, onFound) => userExecutions(client, user, onFound),
      limiter: new ProviderLimiter({ db, live, providers: {}, metrics: telemetry.metrics }),
      pauses: { current: [] },
      requestExpiryCheck: async () => {},
      requestBackground: async () => {},
      workerId: 'worker',
    }),
    ...workerTuning({ shutdownGraceMs: 100 }),
  });
  const done = worker.run();
  return {
    [Symbol.asyncDispose]: async () => {
      worker.shutdown();
      await done;
    },
  };
}
