import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
} from '@temporalio/workflow';
import type { ByActivityType, RunActivities, SessionActivities } from '../activities/shared/contract.ts';
import { ACTIVITY_TYPE } from '../contracts/names.ts';
import { untilQuiescent } from './quiescent.ts';

const local = proxyLocalActivities<ByActivityType<SessionActivities>>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '15s',
  retry: { initialInterval: '100ms', maximumAttempts: 4 },
});

/** Settles when the local activity that was scheduled last has settled. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Local activities with a bounded number of retries: an update waits for them, so they fail within seconds.
 *
 * They run one at a time. On replay the SDK may group the results of concurrent local activities differently than in the
 * first execution, and the session could then not be replayed.
 */
export const bounded = proxyOf<SessionActivities>((name, input) => {
  const result = last.then(() => runLocal(name, input));
  last = result.catch(() => {});
  return result;
});

/**
 * Local activities that are retried until the store is available again. They fail only with a non-retryable failure or
 * on cancellation. Other local activities may run between two retries.
 */
export const untilDone = proxyOf<SessionActivities>(async (name, input) => {
  for (let failures = 1; ; failures += 1) {
    try {
      return await (bounded[name] as (input: unknown) => Promise<unknown>)(input);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await sleep(Math.min(20_000, 100 * 2 ** failures));
    }
  }
});

async function runLocal(name: keyof SessionActivities, input: unknown): Promise<unknown> {
  try {
    const type = name === 'requestStop' ? ACTIVITY_TYPE.requestStop : name;
    return await (local[type] as (input: unknown) => Promise<unknown>)(input);
  } finally {
    await untilQuiescent();
  }
}

/** An object whose every method calls `act` with the method's name. */
function proxyOf<T>(act: (name: keyof T, input: unknown) => Promise<unknown>): T {
  return new Proxy({}, { get: (_, name) => (input: unknown) => act(name as keyof T, input) }) as T;
}

function isRetryable(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  return !(error.cause instanceof ApplicationFailure && error.cause.nonRetryable) && !isCancellation(error);
}

/** The activities of a run count their attempts in the store, so Temporal retries them without a limit. They enforce their own limits of time. */
const RUN_ACTIVITY = {
  startToCloseTimeout: '25h',
  retry: { initialInterval: '200ms', backoffCoefficient: 1.5, maximumInterval: '20s' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

/**
 * A lost worker is detected by its lease, and reported by the signal `serverLost`, or by the failure of a tool call's activity. The
 * missing heartbeat is for a worker that has lost only its connection to Temporal.
 */
const LEASED_ACTIVITY = { ...RUN_ACTIVITY, heartbeatTimeout: '60s' } as const;

export const servingActivities = proxyActivities<Pick<RunActivities, 'advanceRun'>>(LEASED_ACTIVITY);
export const toolActivities = proxyActivities<Pick<RunActivities, 'runTool'>>(LEASED_ACTIVITY);

/** A lost worker is detected by its missing heartbeat. After the last attempt, upkeep signals the session again. */
export const backgroundActivities = proxyActivities<Pick<RunActivities, 'callInBackground'>>({
  ...RUN_ACTIVITY,
  retry: { ...RUN_ACTIVITY.retry, maximumAttempts: 60 },
  heartbeatTimeout: '4s',
});
