import type { Client } from '@temporalio/client';
import { WORKFLOW } from '../../contracts/names.ts';
import { listOpenErasures } from '../../store/admin/erasure/erasures.ts';
import type { Db } from '../../store/db/db.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 5_000;
/** Erasures that one round starts. */
const LIMIT = 20;

/** For upkeep: starts the workflows of erasures that are in progress and have none, because Temporal was not reachable or has lost them. */
export async function startErasures(db: Db, client: Client, taskQueue: string): Promise<void> {
  for (const erasureId of await listOpenErasures(db, LIMIT)) {
    const start = () =>
      client.workflow.start(WORKFLOW.erasure, {
        workflowId: `:erasure:${erasureId}`,
        taskQueue,
        args: [{ erasureId }],
        staticSummary: 'Erasure of a user',
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      });
    await client.withDeadline(Date.now() + TIMEOUT_MS, start);
  }
}
