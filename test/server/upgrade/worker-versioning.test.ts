import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { SIGNAL } from '../../../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { functionModels } from '../../../testing/function-models.ts';
import { startWorker } from '../../../worker/start-worker.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('sessions stay with their build until they continue as new, and leave one that has no worker any more', async () => {
  const address = await testTemporal();
  const deployment = `test-${randomUUID().slice(0, 8)}`;
  const lostSessions = { everyMs: 300, quietForMs: 300, buildLostForMs: 300 };
  await using old = await startStack({
    temporal: address,
    model: () => 'answered',
    versioning: { deployment, buildId: 'one' },
    deployment: { serving: { lingerMs: 0 } },
    lostSessions,
    ackTimeoutMs: 1_000,
  });
  const { client, taskQueue, sender } = old;
  await makeCurrent(client, deployment, 'one');
  const [stays, moves, stranded] = [old.key(), old.key(), old.key()];
  for (const key of [stays, moves, stranded]) {
    await sender.submit(key, { content: 'hello' });
    await old.ended(key);
    expect(await buildOf(client, key)).toBe('one');
  }

  const newer = await startWorker({
    db: old.db,
    live: old.live,
    agents: registry([{ name: 'assistant' }], []),
    models: functionModels(() => 'answered'),
    connection: { address, namespace: 'default' },
    taskQueue,
    versioning: { deployment, buildId: 'two' },
    deployment: { serving: { lingerMs: 0 } },
    lostSessions,
  });
  try {
    await makeCurrent(client, deployment, 'two');
    const fresh = old.key();
    await sender.submit(fresh, { content: 'hello' });
    await old.ended(fresh);
    expect(await buildOf(client, fresh)).toBe('two');

    await sender.submit(stays, { content: 'again' });
    await old.ended(stays, 2);
    expect(await buildOf(client, stays)).toBe('one');

    const env = { TEMPORAL_ADDRESS: address, PERDURE_DEPLOYMENT: deployment };
    const count = () => client.workflow.count(`TemporalWorkerDeploymentVersion = '${deployment}:one'`);
    await expect.poll(async () => (await count()).count).toBe(3);
    const status = await runCli(['deploy', 'status', '--json'], env);
    expect(JSON.parse(status.stdout)).toMatchObject({
      builds: expect.arrayContaining([{ build: 'one', isCurrent: false, wasPromoted: true, open: 3 }]),
    });
    await client.workflow.getHandle(workflowIdOf(moves)).signal(SIGNAL.continueAsNew);
    await expect.poll(() => buildOf(client, moves), { timeout: 10_000 }).toBe('two');
    await sender.submit(moves, { content: 'again' });
    expect((await old.ended(moves, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'answered' });
    expect(await buildOf(client, moves)).toBe('two');

    // The last worker of the old build is gone.
    await old.stopWorker();
    await sender.submit(stranded, { content: 'again' });
    expect((await old.ended(stranded, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'answered' });
  } finally {
    await newer.stop();
  }
}, 120_000);

/** As `temporal worker deployment set-current-version`. The version exists once its worker polls. */
async function makeCurrent(client: Client, deploymentName: string, buildId: string): Promise<void> {
  await expect
    .poll(
      async () => {
        await client.workflowService.setWorkerDeploymentCurrentVersion({
          namespace: 'default',
          deploymentName,
          buildId,
          identity: 'test',
          ignoreMissingTaskQueues: true,
        });
        return true;
      },
      { timeout: 15_000 },
    )
    .toBe(true);
}

/** The build that a session's workflow runs on; null until its first task has completed. */
async function buildOf(client: Client, key: SessionKey): Promise<string | null> {
  const { raw } = await client.workflow.getHandle(workflowIdOf(key)).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? null;
}
