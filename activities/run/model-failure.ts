import { ApplicationFailure } from '@temporalio/activity';
import { backoffMs } from '../../core/backoff.ts';
import type { ResolvedRetry } from '../../core/policy.ts';
import { ModelError } from '../../models/model-client.ts';

/**
 * Converts a failed model call to the failure that Temporal acts on: it retries after the delay that the policy and the
 * provider ask for, or ends the run when the error is permanent or the attempts are used up. `attempt` counts from 1.
 */
export function modelFailure(error: ModelError, retry: ResolvedRetry, attempt: number): ApplicationFailure {
  const final = !error.retryable || attempt >= retry.maxAttempts;
  const attempts = attempt === 1 ? '1 attempt' : `${attempt} attempts`;
  const next = error.retryable ? (final ? ` Gave up after ${attempts}.` : ' It will be retried.') : '';
  return ApplicationFailure.create({
    type: error.reason,
    message: `${error.message}${next}`,
    nonRetryable: final,
    details: [{ httpStatus: error.httpStatus, attempt }],
    ...(final ? {} : { nextRetryDelay: backoffMs(retry, attempt, error.retryAfterMs) }),
  });
}
