import { ModelError } from './model-client.ts';

/** A failure reported by a provider. */
export interface ProviderFailure {
  readonly provider: string;
  /** Null when the failure came inside a stream. */
  readonly httpStatus: number | null;
  /** The provider's own code or type: `insufficient_quota`, `rate_limit_exceeded`, … */
  readonly code: string | null;
  readonly headers?: Headers | undefined;
}

interface Kind {
  readonly reason: string;
  readonly retryable: boolean;
  /** What the user can do; null where a retry may help. */
  readonly remedy: string | null;
}

const KINDS = {
  rate_limited: { retryable: true, remedy: null },
  quota_exhausted: { retryable: false, remedy: 'The credit or quota is used up. Top it up, or use another key.' },
  timeout: { retryable: true, remedy: null },
  server_error: { retryable: true, remedy: null },
  authentication: { retryable: false, remedy: 'Check the API key and its permissions.' },
  too_large: {
    retryable: false,
    remedy: 'The conversation exceeds the context window. Lower contextRuns, or use another model.',
  },
  invalid_request: { retryable: false, remedy: "Check the model's name and the agent's settings." },
} satisfies Record<string, Omit<Kind, 'reason'>>;
type KnownReason = keyof typeof KINDS;

const QUOTA = /insufficient_quota|insufficient_funds|billing|credit|payment/i;
const TOO_LARGE = /context_length|context_window|context_size|too_large|string_above_max/i;

/** Reasons by code, for failures without a status, which occur inside a stream. */
const BY_CODE: readonly (readonly [RegExp, KnownReason])[] = [
  [QUOTA, 'quota_exhausted'],
  [/rate_limit/i, 'rate_limited'],
  [TOO_LARGE, 'too_large'],
  [/time_?out/i, 'timeout'],
  [/auth|api_key|permission/i, 'authentication'],
  [/invalid|unsupported|not_found|policy/i, 'invalid_request'],
];

/**
 * Creates the error for a failure of a provider. The message contains only provider, status and code, because the provider's
 * own text may quote the conversation or a key.
 */
export function providerError(failure: ProviderFailure, now: number, cause?: unknown): ModelError {
  const { provider, httpStatus, headers } = failure;
  const reason = httpStatus === null ? reasonOfCode(failure.code) : reasonOfStatus(httpStatus, failure.code);
  const { retryable, remedy } = KINDS[reason];
  const details = [httpStatus === null ? null : `status ${httpStatus}`, shownCode(failure.code)].filter(
    (part) => part !== null,
  );
  return new ModelError(
    reason,
    `The provider ${provider} failed the model call (${details.join(', ') || 'in the stream'}): ${reason}.${remedy === null ? '' : ` ${remedy}`}`,
    {
      retryable,
      httpStatus,
      retryAfterMs: retryable && headers ? parseRetryAfter(headers, now) : null,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function reasonOfStatus(status: number, code: string | null): KnownReason {
  const matches = (pattern: RegExp) => code !== null && pattern.test(code);
  if (status === 402 || ((status === 429 || status === 403) && matches(QUOTA))) return 'quota_exhausted';
  if (status === 429) return 'rate_limited';
  if (status === 408 || status === 504) return 'timeout';
  // OpenAI sends 409 when another request holds a lock.
  if (status === 409 || status >= 500) return matches(TOO_LARGE) ? 'too_large' : 'server_error';
  if (status === 401 || status === 403) return 'authentication';
  return status === 413 || matches(TOO_LARGE) ? 'too_large' : 'invalid_request';
}

function reasonOfCode(code: string | null): KnownReason {
  return BY_CODE.find(([pattern]) => code !== null && pattern.test(code))?.[1] ?? 'server_error';
}

/** The code for the message, if it has the form of a code and not of a key. */
function shownCode(code: string | null): string | null {
  return code !== null && /^[a-z][a-z0-9_.-]{0,60}$/i.test(code) && !/^sk-/i.test(code) ? `code ${code}` : null;
}

/** The delay requested by `retry-after-ms` or `Retry-After` (seconds or an HTTP date); null if neither is valid. */
export function parseRetryAfter(headers: Headers, now: number): number | null {
  const ms = positive(headers.get('retry-after-ms'));
  if (ms !== null) return Math.ceil(ms);
  const after = headers.get('retry-after');
  const seconds = positive(after);
  if (seconds !== null) return Math.ceil(seconds * 1_000);
  const date = after === null ? NaN : Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function positive(text: string | null): number | null {
  if (text === null || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
