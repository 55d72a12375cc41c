import { ModelError, type ProviderReport } from './model-client.ts';

/** A failure reported by a provider. */
export interface ProviderFailure {
  readonly provider: string;
  /** Null when the failure came inside a stream. */
  readonly httpStatus: number | null;
  /** The provider's own code or type: `insufficient_quota`, `rate_limit_exceeded`, … */
  readonly code: string | null;
  readonly report?: ProviderReport;
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
  invalid_request: {
    retryable: false,
    remedy: "The provider's reason is in the run's model calls (`perdure runs SESSION RUN`).",
  },
} satisfies Record<string, Omit<Kind, 'reason'>>;
type KnownReason = keyof typeof KINDS;

const QUOTA =
  /insufficient_quota|insufficient_funds|insufficient_balance|exceeded_current_quota|billing|credit|payment/i;
const TOO_LARGE = /context_length|context_window|context_size|too_large|string_above_max/i;

/** How servers without a code for it word the error: vLLM, SGLang, llama.cpp, Ollama, Anthropic, Gemini, Mistral, Bedrock. */
const SAYS_TOO_LARGE =
  /(?:maximum|max|model's|available) context (?:length|window|size)|exceeds? (?:the )?(?:model's |available |maximum )*context|context (?:length|window|size) (?:of|exceeded|is)|(?:prompt|input) is too long|input token count|maximum number of (?:input )?tokens|too many (?:input )?tokens|longer than the model's context|max_tokens must be at least 1, got -|reduce the length of/i;
/** Not applied to a 429, where the same words may mean a rate. */
const SAYS_QUOTA = /credit balance|insufficient (?:balance|credits?|funds|quota)/i;
const SAYS_MODEL =
  /model[^.]{0,80}(?:not found|not exist|unknown|invalid|not supported|not available|no such)|(?:unknown|invalid|no such|unsupported) model/i;
const NAMES_MODEL = /model_not_found|invalid_model|unknown_model|model_not_supported/i;

/** OpenAI sends this code with status 400 while another request uses the conversation. */
const LOCKED = /conversation_locked/i;

const CHECK_MODEL = "Check the model's name and the provider's address.";

/** Reasons by code, for failures without a status, which occur inside a stream. */
const BY_CODE: readonly (readonly [RegExp, KnownReason])[] = [
  [LOCKED, 'server_error'],
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
  const { provider, httpStatus, headers, report } = failure;
  const reason = httpStatus === null ? reasonInStream(failure) : reasonOfStatus(httpStatus, failure);
  const { retryable } = KINDS[reason];
  const remedy = reason === 'invalid_request' && isAboutModel(failure) ? CHECK_MODEL : KINDS[reason].remedy;
  const details = [httpStatus === null ? null : `status ${httpStatus}`, shownCode(failure.code)].filter(
    (part) => part !== null,
  );
  return new ModelError(
    reason,
    `The provider ${provider} failed the model call (${details.join(', ') || 'in the stream'}): ${reason}.${remedy === null ? '' : ` ${remedy}`}`,
    {
      retryable,
      httpStatus,
      report: report ?? null,
      retryAfterMs: retryable && headers ? parseRetryAfter(headers, now) : null,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function reasonOfStatus(status: number, { code, report }: Pick<ProviderFailure, 'code' | 'report'>): KnownReason {
  const matches = (pattern: RegExp) => [code, report?.type].some((name) => name != null && pattern.test(name));
  const says = (pattern: RegExp) => report?.message != null && pattern.test(report.message);
  if (status === 402 || ((status === 429 || status === 403) && matches(QUOTA))) return 'quota_exhausted';
  if (status === 429) return 'rate_limited';
  if (status === 408 || status === 504) return 'timeout';
  // 409: another request holds a lock.
  if (status === 409 || matches(LOCKED) || status >= 500) return matches(TOO_LARGE) ? 'too_large' : 'server_error';
  if ((status === 400 || status === 403) && says(SAYS_QUOTA)) return 'quota_exhausted';
  if (status === 401 || status === 403) return 'authentication';
  return status === 413 || matches(TOO_LARGE) || says(SAYS_TOO_LARGE) ? 'too_large' : 'invalid_request';
}

/** Some providers send the status that they would have responded with as the code. */
function reasonInStream(failure: Pick<ProviderFailure, 'code' | 'report'>): KnownReason {
  const names = [failure.code, failure.report?.type ?? null].filter((name) => name !== null);
  const status = Number(names.find((name) => /^[45]\d\d$/.test(name)) ?? NaN);
  if (!Number.isNaN(status)) return reasonOfStatus(status, failure);
  return BY_CODE.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1] ?? 'server_error';
}

function isAboutModel({ httpStatus, code, report }: ProviderFailure): boolean {
  if (httpStatus === 404 || report?.param === 'model') return true;
  if (code !== null && NAMES_MODEL.test(code)) return true;
  return report?.message != null && SAYS_MODEL.test(report.message);
}

/** The code for the message, if it has the form of a code and not of a key. */
function shownCode(code: string | null): string | null {
  return code !== null && /^[a-z][a-z0-9_.-]{0,60}$/i.test(code) && !/^sk-/i.test(code) ? `code ${code}` : null;
}

/**
 * The delay requested by `retry-after-ms` or `Retry-After` (seconds or an HTTP date); null if neither is valid. A date counts
 * from the `Date` of the same response, because the provider's clock may differ from this one.
 */
export function parseRetryAfter(headers: Headers, now: number): number | null {
  const ms = positive(headers.get('retry-after-ms'));
  if (ms !== null) return Math.ceil(ms);
  const after = headers.get('retry-after');
  const seconds = positive(after);
  if (seconds !== null) return Math.ceil(seconds * 1_000);
  const until = dateOf(after);
  return until === null ? null : Math.max(0, until - (dateOf(headers.get('date')) ?? now));
}

/** An HTTP date. `Date.parse` alone takes almost any text with a number in it. */
function dateOf(text: string | null): number | null {
  const ms = text !== null && /\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

function positive(text: string | null): number | null {
  if (text === null || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
