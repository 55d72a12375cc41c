import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SERVING_ACTIVITY } from '../../contracts/names.ts';
import type { SessionWithOpenRuns } from '../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import { sessionWorkflow } from '../session-workflow.ts';

/** Time limit of a call of Temporal. */
const CALL_MS = 5_000;
const STARTED = proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;

/**
 * Whether a worker has the activity that serves a session: the one that the workflow has started last, unless it has given it up.
 * The result of an earlier one may have been lost with its worker.
 */
export async function hasServer(client: Client, session: SessionWithOpenRuns, workerId: string): Promise<boolean> {
  const newest = await newestServer(client, sessionWorkflow(session).workflowId);
  return newest?.activity.lastWorkerIdentity === workerId && newest.activity.state === STARTED;
}

/** The activity that the newest execution of a session's workflow has started last, of those that have not returned; null for none. */
export async function newestServer(client: Client, workflowId: string) {
  const execution = await client
    .withDeadline(Date.now() + CALL_MS, () => client.workflow.getHandle(workflowId).describe())
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  const activity = (execution?.raw.pendingActivities ?? [])
    .filter(({ activityType }) => activityType?.name === SERVING_ACTIVITY)
    // The SDK numbers the activities of an execution.
    .toSorted((a, b) => Number(a.activityId) - Number(b.activityId))
    .at(-1);
  return execution && activity ? { executionId: execution.runId, activity } : null;
}
