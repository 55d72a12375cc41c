import { ApplicationFailure } from '@temporalio/activity';
import { backoffMs } from '../../core/backoff.ts';
import type { ResolvedRetry } from '../../core/policy.ts';
import { ModelError } from '../../models/model-client.ts';

/** What Temporal does with a model call that failed: wait as long as the provider asked, or end the run. */
export function providerFailure(error: ModelError, retry: ResolvedRetry, attempt: number): ApplicationFailure {
  const final = !error.retryable || attempt >= retry.maxAttempts;
  const times = attempt === 1 ? 'once' : `${attempt} times`;
  const tries = error.retryable ? (final ? ` It was tried ${times}.` : ' It is asked again.') : '';
  return ApplicationFailure.create({
    type: error.reason,
    message: `${error.message}${tries}`,
    nonRetryable: final,
    details: [{ httpStatus: error.httpStatus, attempt }],
    ...(final ? {} : { nextRetryDelay: backoffMs(retry, attempt, error.retryAfterMs) }),
  });
}
