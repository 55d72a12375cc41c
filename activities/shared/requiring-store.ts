import { ApplicationFailure } from '@temporalio/activity';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * Runs an activity, unless this worker has lost its lease because it cannot reach the store: the activity then fails at once, and
 * Temporal may give it to another worker. It would take the time limit of a connection to fail, and a worker whose activities all fail
 * has places for more of them than the others.
 */
export async function requiringStore<T>(
  { isCutOff }: Pick<ActivityDeps, 'isCutOff'>,
  work: () => Promise<T>,
): Promise<T> {
  if (!isCutOff()) return await work();
  const message = 'This worker cannot reach the store. Check its connection to PostgreSQL.';
  throw ApplicationFailure.retryable(message, 'store_unavailable' satisfies ErrorCode);
}
