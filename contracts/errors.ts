import type { BudgetFacts } from './budget.ts';

/** What each error code means to a caller. One table for HTTP, Temporal and the client. */
export const ERRORS = {
  invalid_request: { httpStatus: 400, retryable: false, title: 'The request is not valid' },
  unauthenticated: { httpStatus: 401, retryable: false, title: 'No valid credential was given' },
  forbidden: { httpStatus: 403, retryable: false, title: 'The credential does not allow this' },
  not_found: { httpStatus: 404, retryable: false, title: 'There is no such thing' },
  session_ended: { httpStatus: 409, retryable: false, title: 'The session has ended' },
  run_in_progress: { httpStatus: 409, retryable: true, title: 'A run is in progress' },
  already_exists: { httpStatus: 409, retryable: false, title: 'There is one already' },
  session_archived: { httpStatus: 409, retryable: false, title: 'The session is archived' },
  already_decided: { httpStatus: 409, retryable: false, title: 'This was decided before' },
  too_large: { httpStatus: 413, retryable: false, title: 'The content is too large' },
  idempotency_conflict: { httpStatus: 422, retryable: false, title: 'This message id was used for another body' },
  rate_limited: { httpStatus: 429, retryable: true, title: 'Too many requests' },
  queue_full: { httpStatus: 429, retryable: true, title: 'Too much is waiting in this session' },
  session_limit: { httpStatus: 429, retryable: true, title: 'Too many sessions' },
  budget_exceeded: { httpStatus: 429, retryable: true, title: 'The budget is used up' },
  internal: { httpStatus: 500, retryable: false, title: 'Perdure failed' },
  temporal_unavailable: { httpStatus: 503, retryable: true, title: 'Temporal does not answer' },
  store_unavailable: { httpStatus: 503, retryable: true, title: 'The store does not answer' },
  model_unavailable: { httpStatus: 503, retryable: true, title: 'The model does not answer' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** An error that a user meets. `message` says what failed, the offending value and the remedy; never a message's content or a secret. */
export class PerdureError extends Error {
  override readonly name = 'PerdureError';
  readonly code: ErrorCode;
  /** When a retry makes sense, where a time is known. */
  readonly retryAfterMs: number | undefined;
  /** The budget that refused, with `budget_exceeded`. */
  readonly budget: BudgetFacts | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown;
      retryAfterMs?: number | undefined;
      budget?: BudgetFacts | undefined;
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.budget = options.budget;
  }
}

/** Whether a code from elsewhere (a failure's type, a problem's body) is one of ours. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
