import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Verdict } from '../activities/shared/contract.ts';
import type { RunError } from '../contracts/session/run.ts';

/** The failure of an update whose message was refused. Its type is an `ErrorCode`. */
export function refusal(verdict: Extract<Verdict, { ok: false }>): ApplicationFailure {
  return ApplicationFailure.create({
    type: verdict.code,
    message: verdict.detail,
    nonRetryable: true,
    details: [{ retryAfterMs: verdict.retryAfterMs, ...(verdict.budget ? { budget: verdict.budget } : {}) }],
  });
}

/** The failure of an update while the store does not answer. */
export function storeAway(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'store_unavailable',
    message: 'The store does not answer, so nothing was accepted. Send it again with the same id.',
    nonRetryable: true,
    details: [{ retryAfterMs: 2_000 }],
  });
}

/** What an update fails with when its activity failed: the activity's own words where it has an `ErrorCode` to say. */
export function updateFailure(error: unknown): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.nonRetryable) return cause;
  return storeAway();
}

/** What a run failed of. */
export function runError(error: unknown): RunError {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const { budget } = (cause.details?.[0] ?? {}) as Pick<RunError, 'budget'>;
    return { code: cause.type ?? 'internal', detail: cause.message, ...(budget ? { budget } : {}) };
  }
  if (cause instanceof TimeoutFailure) return { code: 'timeout', detail: 'The activity of the run ran out of time.' };
  return { code: 'internal', detail: 'The run failed for a reason that was not recorded.' };
}
