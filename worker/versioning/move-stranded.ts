import type { Client } from '@temporalio/client';
import { hasBuild } from '../../store/admin/workers/has-build.ts';
import type { Db } from '../../store/db/db.ts';
import { deploymentVersion, type WorkerVersioning } from './worker-versioning.ts';
import { filterValue } from '../../core/text/filter-value.ts';

export interface StrandedDeps {
  readonly db: Db;
  readonly client: Client;
  readonly taskQueue: string;
  /** Of this worker. */
  readonly versioning: WorkerVersioning;
}

/** Maximum number of workflows of one build in one round. */
const MAX_PER_ROUND = 500;

/**
 * Lets the workflows of builds that have had no worker for `lostForMs` continue with the current version: they are pinned to
 * their build, so their tasks would wait for ever. Their next executions are pinned again. Returns how many were moved.
 */
export async function moveStranded(
  { db, client, taskQueue, versioning }: StrandedDeps,
  lostForMs: number,
  signal: AbortSignal,
): Promise<number> {
  const { deploymentName, buildId } = deploymentVersion(versioning);
  const { namespace } = client.options;
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({ namespace, deploymentName });
  let moved = 0;
  for (const { deploymentVersion: version } of workerDeploymentInfo?.versionSummaries ?? []) {
    const build = version?.buildId;
    if (!build || build === buildId || (await hasBuild(db, { taskQueue, buildId: build, lostForMs }))) continue;
    const query =
      `ExecutionStatus = 'Running' AND TaskQueue = ${filterValue(taskQueue)}` +
      ` AND TemporalWorkflowVersioningBehavior = 'Pinned' AND TemporalWorkerDeploymentVersion = ${filterValue(`${deploymentName}:${build}`)}`;
    let seen = 0;
    for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: MAX_PER_ROUND })) {
      seen += 1;
      if (signal.aborted || seen > MAX_PER_ROUND) break;
      await client.workflowService.updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId, runId },
        workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
        updateMask: { paths: ['versioning_override'] },
      });
      moved += 1;
    }
  }
  return moved;
}
