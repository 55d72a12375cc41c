import type { BudgetFacts } from './budget.ts';

/**
 * The error codes of HTTP, Temporal and the client. `httpStatus` is the status of the HTTP response. `retryable`: the
 * same request may succeed later. `title` is RFC 9457's: the same for every error of the code.
 */
export const ERRORS = {
  invalid_request: { httpStatus: 400, retryable: false, title: 'The request is not valid' },
  unauthenticated: { httpStatus: 401, retryable: false, title: 'No valid credential was given' },
  forbidden: { httpStatus: 403, retryable: false, title: 'The credential does not allow this' },
  not_found: { httpStatus: 404, retryable: false, title: 'Not found' },
  method_not_allowed: { httpStatus: 405, retryable: false, title: 'The method is not supported here' },
  request_timeout: { httpStatus: 408, retryable: true, title: 'The request took too long' },
  session_ended: { httpStatus: 409, retryable: false, title: 'The session has ended' },
  run_in_progress: { httpStatus: 409, retryable: true, title: 'A run is in progress' },
  already_exists: { httpStatus: 409, retryable: false, title: 'It already exists' },
  session_archived: { httpStatus: 409, retryable: false, title: 'The session is archived' },
  erasure_in_progress: { httpStatus: 409, retryable: true, title: 'The data of the user is being erased' },
  already_decided: { httpStatus: 409, retryable: false, title: 'A decision was already made' },
  too_large: { httpStatus: 413, retryable: false, title: 'The content is too large' },
  unsupported_media_type: { httpStatus: 415, retryable: false, title: 'The content type or encoding is not supported' },
  range_not_satisfiable: { httpStatus: 416, retryable: false, title: 'The range lies behind the end of the content' },
  idempotency_conflict: { httpStatus: 422, retryable: false, title: 'The message id was used for another body' },
  unsupported_content: { httpStatus: 422, retryable: false, title: 'The model does not accept this content' },
  rate_limited: { httpStatus: 429, retryable: true, title: 'Too many requests' },
  queue_full: { httpStatus: 429, retryable: true, title: "The session's queue is full" },
  session_limit: { httpStatus: 429, retryable: true, title: 'The limit of active sessions is reached' },
  budget_exceeded: { httpStatus: 429, retryable: true, title: 'The budget is exceeded' },
  refused: { httpStatus: 422, retryable: false, title: 'Middleware refused the run' },
  middleware_failed: { httpStatus: 500, retryable: false, title: 'Middleware failed' },
  context_provider_failed: { httpStatus: 500, retryable: false, title: 'A context provider failed' },
  internal: { httpStatus: 500, retryable: false, title: 'Internal error' },
  overloaded: { httpStatus: 503, retryable: true, title: 'There is more work than can be done' },
  paused: { httpStatus: 503, retryable: true, title: 'An operator has paused it' },
  temporal_unavailable: { httpStatus: 503, retryable: true, title: 'Temporal is not reachable' },
  store_unavailable: { httpStatus: 503, retryable: true, title: 'The store is not reachable' },
  issuer_unavailable: { httpStatus: 503, retryable: true, title: 'The issuer of tokens is not reachable' },
  model_unavailable: { httpStatus: 503, retryable: true, title: 'The model is not available' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/**
 * An error for users. `message` states what failed, the offending value and the remedy. It never contains a secret or a
 * message's content.
 */
export class PerdureError extends Error {
  override readonly name = 'PerdureError';
  readonly code: ErrorCode;
  /** Delay after which a retry may succeed; undefined when unknown. */
  readonly retryAfterMs: number | undefined;
  /** The exceeded budget, with `budget_exceeded`. */
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

/** Whether a value, such as a failure's type or a problem's `code`, is an {@link ErrorCode}. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
