import type { Client } from '@temporalio/client';
import type { IsServer } from '../activities/shared/temporal/is-server.ts';
import { newestServer } from './serving/newest-server.ts';

/** Compares an activity with the one that its workflow has started last, as Temporal reports it. */
export function isServer(client: Client): IsServer {
  return async ({ workflowId, executionId, activityId }) => {
    const newest = await newestServer(client, workflowId);
    return newest?.executionId === executionId && newest.activity.activityId === activityId;
  };
}
