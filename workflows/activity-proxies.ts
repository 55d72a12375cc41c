import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
} from '@temporalio/workflow';
import type { RunActivities, SessionActivities } from '../activities/shared/contract.ts';
import { atRest } from './at-rest.ts';

const local = proxyLocalActivities<SessionActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '15s',
  retry: { initialInterval: '100ms', maximumAttempts: 4 },
});

/** Settles when the local activity that was asked for last is over. */
let last: Promise<unknown> = Promise.resolve();

/**
 * What an update waits for: a few quick tries, then a clear error. One local activity at a time: the SDK may tell the
 * results of several in other groups when it replays than it did at first, and then the session could not be replayed.
 */
export const attempt = eachBy<SessionActivities>((name, input) => {
  const turn = last.then(() => call(name, input));
  last = turn.catch(() => {});
  return turn;
});

/** What must come to pass, however long the store is away. Others have their turns between its tries. */
export const insist = eachBy<SessionActivities>(async (name, input) => {
  for (let failures = 1; ; failures += 1) {
    try {
      return await (attempt[name] as (input: unknown) => Promise<unknown>)(input);
    } catch (error) {
      if (!mayPass(error)) throw error;
      await sleep(Math.min(20_000, 100 * 2 ** failures));
    }
  }
});

async function call(name: keyof SessionActivities, input: unknown): Promise<unknown> {
  try {
    return await (local[name] as (input: unknown) => Promise<unknown>)(input);
  } finally {
    await atRest();
  }
}

/** An object whose every method is `act` with its name. */
function eachBy<T>(act: (name: keyof T, input: unknown) => Promise<unknown>): T {
  return new Proxy({}, { get: (_, name) => (input: unknown) => act(name as keyof T, input) }) as T;
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  return !(error.cause instanceof ApplicationFailure && error.cause.nonRetryable) && !isCancellation(error);
}

/**
 * The activities of a run. They end themselves (at the run's time limit, the tool's timeout) and count
 * their own tries in the store, so Temporal retries without a bound: a lost worker is found by its
 * missing heartbeat.
 */
export const runActivities = proxyActivities<RunActivities>({
  startToCloseTimeout: '25h',
  heartbeatTimeout: '4s',
  retry: { initialInterval: '200ms', backoffCoefficient: 1.5, maximumInterval: '20s' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});
