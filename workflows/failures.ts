import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { AdmissionVerdict } from '../activities/shared/contract.ts';
import type { RunError } from '../contracts/session/run.ts';
import type { OpenRun } from '../core/session/run-queue.ts';

/** The failure of an update whose message was refused. Its type is an `ErrorCode`. */
export function admissionFailure(verdict: Extract<AdmissionVerdict, { ok: false }>): ApplicationFailure {
  return ApplicationFailure.create({
    type: verdict.code,
    message: verdict.detail,
    nonRetryable: true,
    details: [{ retryAfterMs: verdict.retryAfterMs, ...(verdict.budget ? { budget: verdict.budget } : {}) }],
  });
}

/** The failure of an update while the store is unavailable. A transaction that was cut off may have been committed. */
export function storeUnavailable(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'store_unavailable',
    message: 'The store is unavailable, so it is not known whether this was accepted. Send it again with the same id.',
    nonRetryable: true,
    details: [{ retryAfterMs: 2_000 }],
  });
}

/**
 * The failure of an update whose activity failed: the activity's own failure if that is final, `store_unavailable` if the store
 * did not respond, and otherwise `internal`, which is a fault of the worker.
 */
export function updateFailure(error: unknown): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return storeUnavailable();
  if (cause.nonRetryable) return cause;
  const isFault = cause.type !== 'store_unavailable';
  return isFault ? ApplicationFailure.nonRetryable(FAULT, 'internal') : storeUnavailable();
}

const FAULT = 'The worker failed to process the request. Its log has the reason.';

/** The error to record for a run whose activity failed. */
export function runError(error: unknown): RunError {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const { budget } = (cause.details?.[0] ?? {}) as Pick<RunError, 'budget'>;
    return { code: cause.type ?? 'internal', detail: cause.message, ...(budget ? { budget } : {}) };
  }
  if (cause instanceof TimeoutFailure) return { code: 'timeout', detail: "The run's activity timed out." };
  return { code: 'internal', detail: 'The run failed for a reason that was not recorded.' };
}

/** The run that an activity failed in, if it is not the one that it was called for. */
export function runOfFailure(error: unknown): OpenRun | null {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return null;
  const { run = null } = (cause.details?.[0] ?? {}) as { readonly run?: OpenRun };
  return run;
}
