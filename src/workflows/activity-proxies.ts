import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { RunActivities, SessionActivities } from '../activities/activities.ts';

/** What an update waits for: a few quick tries, then a clear error. */
export const attempt = proxyLocalActivities<SessionActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '15s',
  retry: { initialInterval: '100ms', maximumAttempts: 4 },
});

/** What must come to pass, however long the store is away. */
export const insist = proxyLocalActivities<SessionActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '20s' },
});

/**
 * The activities of a run. They end themselves (at the run's time limit, the tool's timeout) and count
 * their own tries in the store, so Temporal retries without a bound: a lost worker is found by its
 * missing heartbeat and is not held against the run.
 */
export const runActivities = proxyActivities<RunActivities>({
  startToCloseTimeout: '25h',
  heartbeatTimeout: '4s',
  retry: { initialInterval: '200ms', backoffCoefficient: 1.5, maximumInterval: '20s' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});
