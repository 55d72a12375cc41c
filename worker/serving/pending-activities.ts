import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SERVING_ACTIVITY } from '../../contracts/names.ts';
import { withDeadline } from './with-deadline.ts';

const { PENDING_ACTIVITY_STATE_STARTED: STARTED, PENDING_ACTIVITY_STATE_CANCEL_REQUESTED: CANCEL_REQUESTED } =
  proto.temporal.api.enums.v1.PendingActivityState;

export type PendingActivity = proto.temporal.api.workflow.v1.IPendingActivityInfo;

/** The newest execution of a session's workflow, and its activities that have not returned. */
export interface Pending {
  readonly executionId: string;
  readonly activities: readonly PendingActivity[];
}

/** Reads a session's activities that have not returned, as Temporal reports them; null if its workflow does not exist. */
export async function pendingActivities(client: Client, workflowId: string): Promise<Pending | null> {
  const describe = () => client.workflow.getHandle(workflowId).describe();
  const execution = await withDeadline(client, describe).catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
  return execution && { executionId: execution.runId, activities: execution.raw.pendingActivities ?? [] };
}

/** The activity that serves the session: the one that the workflow has started last. The result of an earlier one may have been lost with its worker. */
export function newestServer(pending: Pending | null): PendingActivity | undefined {
  return (
    pending?.activities
      .filter(({ activityType }) => activityType?.name === SERVING_ACTIVITY)
      // The SDK numbers the activities of an execution.
      .toSorted((a, b) => Number(a.activityId) - Number(b.activityId))
      .at(-1)
  );
}

/** Whether a worker has an activity, as far as Temporal has been informed. */
export function isExecutedBy(activity: PendingActivity | undefined, workerId: string): boolean {
  return (
    activity?.lastWorkerIdentity === workerId && (activity.state === STARTED || activity.state === CANCEL_REQUESTED)
  );
}
