import { ModelError } from './model-client.ts';

/** What a provider said when it failed, whichever way it said it. */
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
  /** What a person can do about it; null where another try may help. */
  readonly remedy: string | null;
}

const KINDS = {
  rate_limited: { retryable: true, remedy: null },
  quota_exhausted: { retryable: false, remedy: 'The credit or quota is used up: top it up or use another key.' },
  timeout: { retryable: true, remedy: null },
  server_error: { retryable: true, remedy: null },
  authentication: { retryable: false, remedy: 'Check the API key and what it may use.' },
  too_large: { retryable: false, remedy: 'The conversation does not fit: carry fewer runs, or use another model.' },
  invalid_request: { retryable: false, remedy: 'Check the name of the model and what the agent asks of it.' },
} satisfies Record<string, Omit<Kind, 'reason'>>;
type KnownReason = keyof typeof KINDS;

const QUOTA = /insufficient_quota|insufficient_funds|billing|credit|payment/i;
const TOO_LARGE = /context_length|context_window|context_size|too_large|string_above_max/i;

/** By code, for failures without a status: those inside a stream. */
const BY_CODE: readonly (readonly [RegExp, KnownReason])[] = [
  [QUOTA, 'quota_exhausted'],
  [/rate_limit/i, 'rate_limited'],
  [TOO_LARGE, 'too_large'],
  [/time_?out/i, 'timeout'],
  [/auth|api_key|permission/i, 'authentication'],
  [/invalid|unsupported|not_found|policy/i, 'invalid_request'],
];

/**
 * The error for a failure of a provider. Its message is made from provider, status and code only: what a
 * provider writes may repeat the conversation or a key.
 */
export function providerError(failure: ProviderFailure, now: number, cause?: unknown): ModelError {
  const { provider, httpStatus, headers } = failure;
  const reason = httpStatus === null ? reasonOfCode(failure.code) : reasonOfStatus(httpStatus, failure.code);
  const { retryable, remedy } = KINDS[reason];
  const said = [httpStatus === null ? null : `status ${httpStatus}`, shownCode(failure.code)].filter(
    (part) => part !== null,
  );
  return new ModelError(
    reason,
    `The provider ${provider} failed the model call (${said.join(', ') || 'in the stream'}): ${reason}.${remedy === null ? '' : ` ${remedy}`}`,
    {
      retryable,
      httpStatus,
      retryAfterMs: retryable && headers ? retryAfterMs(headers, now) : null,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function reasonOfStatus(status: number, code: string | null): KnownReason {
  const says = (pattern: RegExp) => code !== null && pattern.test(code);
  if (status === 402 || ((status === 429 || status === 403) && says(QUOTA))) return 'quota_exhausted';
  if (status === 429) return 'rate_limited';
  if (status === 408 || status === 504) return 'timeout';
  // 409 is a lock at the provider that another request holds.
  if (status === 409 || status >= 500) return says(TOO_LARGE) ? 'too_large' : 'server_error';
  if (status === 401 || status === 403) return 'authentication';
  return status === 413 || says(TOO_LARGE) ? 'too_large' : 'invalid_request';
}

function reasonOfCode(code: string | null): KnownReason {
  return BY_CODE.find(([pattern]) => code !== null && pattern.test(code))?.[1] ?? 'server_error';
}

/** A code is shown only when it looks like one. */
function shownCode(code: string | null): string | null {
  return code !== null && /^[a-z][a-z0-9_.-]{0,60}$/i.test(code) && !/^sk-/i.test(code) ? `code ${code}` : null;
}

/** What `retry-after-ms` or `Retry-After` (seconds or an HTTP date) asks for; null when they say nothing usable. */
export function retryAfterMs(headers: Headers, now: number): number | null {
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
