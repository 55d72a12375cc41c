import type { SessionKey } from '../../contracts/session/session-key.ts';
import { listAbandonedWorkflows, noteCancelledWorkflow } from '../../store/admin/sweeps/abandoned-workflows.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Maximum number of workflows in one round. */
const MAX_PER_ROUND = 200;

/** Cancels the workflows that tools have started to end with their sessions, and whose sessions are not active any more. A failure leaves the workflow for the next round. */
export async function cancelAbandoned(
  { db, workflows }: Pick<ActivityDeps, 'db' | 'workflows'>,
  only: SessionKey | null = null,
): Promise<void> {
  for (const workflow of await listAbandonedWorkflows(db, MAX_PER_ROUND, only)) {
    try {
      await workflows.cancel(workflow.workflowId);
    } catch {
      continue;
    }
    await noteCancelledWorkflow(db, workflow);
  }
}
