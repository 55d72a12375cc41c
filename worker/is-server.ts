import type { Client } from '@temporalio/client';
import type { IsServer } from '../activities/shared/temporal/is-server.ts';
import { newestServer, pendingActivities } from './serving/pending-activities.ts';

/** Compares an activity with the one that its workflow has started last, as Temporal reports it. */
export function isServer(client: Client): IsServer {
  return async ({ workflowId, executionId, activityId }) => {
    const pending = await pendingActivities(client, workflowId);
    return pending?.executionId === executionId && newestServer(pending)?.activityId === activityId;
  };
}
