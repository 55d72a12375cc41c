import { ActivityNotFoundError, ApplicationFailure, type Client } from '@temporalio/client';
import { TOOL_ACTIVITY } from '../../contracts/names.ts';
import { isExecutedBy, type Pending } from './pending-activities.ts';
import { withDeadline } from './with-deadline.ts';

/**
 * Fails the activities of tool calls that a lost worker has, so that Temporal tries them again at once, on another worker, instead
 * of waiting for their heartbeats.
 */
export async function failLostTools(
  client: Client,
  workflowId: string,
  { executionId, activities }: Pending,
  lost: string,
): Promise<void> {
  const failure = ApplicationFailure.create({ type: 'worker_left', message: 'The worker of this tool call is lost.' });
  for (const activity of activities) {
    const { activityId, activityType } = activity;
    if (!activityId || activityType?.name !== TOOL_ACTIVITY || !isExecutedBy(activity, lost)) continue;
    const full = { workflowId, runId: executionId, activityId };
    await withDeadline(client, () => client.activity.fail(full, failure)).catch(ignoreEnded);
  }
}

function ignoreEnded(error: unknown): void {
  if (!(error instanceof ActivityNotFoundError)) throw error;
}
