import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { UPDATE } from '../../contracts/names.ts';
import { rescueStuckWorkflow, type RescueDeps } from './rescue-stuck-workflow.ts';
import { sessionWorkflow } from '../session-workflow.ts';
import {
  listSessionsWithOpenRuns,
  type SessionWithOpenRuns,
} from '../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import type { SessionPosition } from '../../store/admin/sweeps/sweeps.ts';

interface LostWorkflowDeps extends RescueDeps {
  readonly taskQueue: string;
}

/** Maximum number of sessions in one check. The next check continues after them. */
const MAX_PER_CHECK = 500;

/**
 * Starts the workflows of sessions with an open run that have made no progress for `quietForMs`, in one page of them.
 *
 * - If the workflow is running, the start has no effect.
 * - If it was terminated, failed, or lost with its Temporal server, the new execution reads the open runs from the store.
 * - If it is running but idle, it never received the run: the sender and Temporal failed after the store had committed the
 *   message. An update makes it read the open runs.
 * - If its history can no longer be replayed, it is terminated first.
 *
 * Returns where the next page begins; null after the last one.
 */
export async function restartLostWorkflows(
  deps: LostWorkflowDeps,
  { after, quietForMs }: { readonly after: SessionPosition | null; readonly quietForMs: number },
  signal: AbortSignal,
  limit: number = MAX_PER_CHECK,
): Promise<SessionPosition | null> {
  const page = await listSessionsWithOpenRuns(deps.db, { quietForMs, after, limit });
  for (const session of page) {
    if (signal.aborted) return after;
    // A failure must not block the other sessions.
    await restart(deps, session).catch(() => {});
  }
  const last = page.at(-1);
  return last && page.length === limit ? [last.key.user, last.key.session] : null;
}

async function restart(deps: LostWorkflowDeps, session: SessionWithOpenRuns): Promise<void> {
  const { client, taskQueue } = deps;
  const { workflowType, ...workflow } = sessionWorkflow(session);
  const { workflowId } = workflow;
  const start = () =>
    client.workflow.start(workflowType, {
      ...workflow,
      taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  const execution = await (await start()).describe();
  if (await rescueStuckWorkflow(deps, execution)) await start();
  else if (isIdle(execution)) await requestOpenRuns(client, workflowId);
}

/** Time limit for the workflow to accept the update. */
const UPDATE_TIMEOUT_MS = 5_000;

/** Whether a workflow is running and has neither a pending workflow task nor a pending activity. */
function isIdle({ status, raw }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' && !raw.pendingWorkflowTask && (raw.pendingActivities?.length ?? 0) === 0;
}

/** Makes a workflow read the open runs from the store: for a session that exists, `openSession` does nothing else. */
async function requestOpenRuns(client: Client, workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
    handle.startUpdate(UPDATE.openSession, { args: [{}], waitForStage: 'ACCEPTED' }),
  );
}
