import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { countRunFailure } from '../../store/runs/count-run-failure.ts';
import { callingSession } from './calling-session.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * Runs an activity of a run. Temporal retries it without a limit, so every failure must have an end: model calls and tools
 * count their attempts, and a failure of anything else, such as a row that cannot be read, is counted here and ends the run
 * after `LIMITS.runFailures` in a row. Only the absence of the store is retried for ever.
 */
export async function countingFailures<T>(
  { db, telemetry: { log } }: Pick<ActivityDeps, 'db' | 'telemetry'>,
  runId: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isExpected(error)) throw error;
    const { key } = callingSession();
    const failures = await countRunFailure(db, key, runId).catch(() => null);
    log.error('Activity of a run failed', { session: key.session, run: runId, attempt: failures ?? undefined, error });
    if (failures === null || failures < LIMITS.runFailures.value) throw error;
    const cause = error instanceof PerdureError ? error.message : `${nameOf(error)}; see the worker's log.`;
    throw ApplicationFailure.nonRetryable(
      `The run failed unexpectedly ${failures} times in a row: ${cause}`,
      'internal',
    );
  }
}

/** Failures that say themselves whether they are retried, and the absence of the store. */
function isExpected(error: unknown): boolean {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return true;
  return error instanceof PerdureError && error.code === 'store_unavailable';
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
