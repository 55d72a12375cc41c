import { ApplicationFailure } from '@temporalio/activity';
import { describeFailedModels, type FailedModel } from '../../core/providers/plan-models.ts';
import { backoffMs } from '../../core/backoff.ts';
import type { ResolvedRetry } from '../../core/policy.ts';
import { ModelError } from '../../models/model-client.ts';

/** Temporal takes no delay of 0 for one. */
const AT_ONCE_MS = 1;

/** The other models of a run. */
export interface OtherModels {
  /** Those that gave no answer before. */
  readonly failed: readonly FailedModel[];
  /** The one that is asked next; undefined if it is the same again, or none. */
  readonly nextModel: string | undefined;
}

/**
 * Converts a failed model call to the failure that Temporal acts on: it retries after the delay that the policy and the
 * provider ask for, at once where another model is asked next, or ends the run when the error is permanent or the attempts are
 * used up. `attempt` counts from 1.
 */
export function modelFailure(
  error: ModelError,
  retry: ResolvedRetry,
  attempt: number,
  { failed, nextModel }: OtherModels = { failed: [], nextModel: undefined },
): ApplicationFailure {
  if (nextModel !== undefined) {
    return ApplicationFailure.create({
      type: error.reason,
      message: `${error.message} The model ${nextModel} is asked next.`,
      details: [{ httpStatus: error.httpStatus, attempt }],
      nextRetryDelay: AT_ONCE_MS,
    });
  }
  const final = !error.retryable || attempt >= retry.maxAttempts;
  const attempts = attempt === 1 ? '1 attempt' : `${attempt} attempts`;
  const next = error.retryable ? (final ? ` Gave up after ${attempts}.` : ' It will be retried.') : '';
  return ApplicationFailure.create({
    type: error.reason,
    message: `${error.message}${next}${final ? describeFailedModels(failed) : ''}`,
    nonRetryable: final,
    details: [{ httpStatus: error.httpStatus, attempt }],
    ...(final ? {} : { nextRetryDelay: backoffMs(retry, attempt, error.retryAfterMs) }),
  });
}

/** The delay in ms after which Temporal retries a failure of {@link modelFailure}; null when it does not. */
export function retryDelayMs({ nextRetryDelay }: ApplicationFailure): number | null {
  return typeof nextRetryDelay === 'number' ? nextRetryDelay : null;
}
