import type { Client } from '@temporalio/client';
import { WORKFLOW } from '../../contracts/names.ts';
import { listOpenBatches } from '../../store/admin/batches/batches.ts';
import type { Db } from '../../store/db/db.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 5_000;
/** Batches that one round starts. */
const LIMIT = 20;

/** For upkeep: starts the workflows of batches that are in progress and have none, because Temporal was not reachable or has lost them. */
export async function startBatches(db: Db, client: Client, taskQueue: string): Promise<void> {
  for (const batchId of await listOpenBatches(db, LIMIT)) {
    const start = () =>
      client.workflow.start(WORKFLOW.batch, {
        workflowId: `:batch:${batchId}`,
        taskQueue,
        args: [{ batchId }],
        staticSummary: 'Batch of an operator',
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      });
    await client.withDeadline(Date.now() + TIMEOUT_MS, start);
  }
}
