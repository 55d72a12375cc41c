import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { ModelError, type ModelCallOptions } from '../model-client.ts';
import { providerError } from '../provider-error.ts';

/** The network's codes for a connection that was not made. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What a guarded call works with. */
export interface CallGuard {
  /** Aborted by the caller, or when the provider is silent for too long. */
  readonly signal: AbortSignal;
  /** Something came from the provider: its silence begins anew, and may now last `ms`. */
  readonly heard: (ms?: number) => void;
}

/**
 * Runs one call of a provider. Aborts it at once when the caller does, rejecting with the signal's reason, and
 * when the provider says nothing for `silenceMs`. What the provider did wrong becomes a {@link ModelError}; an
 * error of ours stays what it is.
 */
export async function guardCall<T>(
  provider: string,
  silenceMs: number,
  caller: ModelCallOptions['signal'],
  call: (guard: CallGuard) => Promise<T>,
): Promise<T> {
  caller.throwIfAborted();
  const silent = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const heard = (ms = silenceMs) => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(silence(provider, ms)), ms);
  };
  heard();
  try {
    const result = await call({ signal: AbortSignal.any([caller, silent.signal]), heard });
    // The client ends an aborted stream as if it were over.
    caller.throwIfAborted();
    return result;
  } catch (error) {
    caller.throwIfAborted();
    throw silent.signal.aborted ? silent.signal.reason : ofProvider(provider, error);
  } finally {
    clearTimeout(timer);
  }
}

function silence(provider: string, ms: number): ModelError {
  return new ModelError('timeout', `The provider ${provider} said nothing for ${ms} ms.`, {
    retryable: true,
  });
}

function ofProvider(provider: string, error: unknown): unknown {
  if (error instanceof APIConnectionTimeoutError) {
    return new ModelError('timeout', `The provider ${provider} did not answer in time.`, {
      retryable: true,
      cause: error,
    });
  }
  if (error instanceof APIConnectionError || isBroken(error)) {
    const why = networkCode(error);
    return new ModelError(
      'connection',
      `The connection to the provider ${provider} failed${why ? ` (${why})` : ''}. Check that it runs and can be reached.`,
      { retryable: true, unsent: why !== null && NEVER_CONNECTED.has(why), cause: error },
    );
  }
  if (error instanceof APIError) {
    const { status, code, type, headers } = error as { status?: number; code?: unknown; type?: unknown } & APIError;
    return providerError(
      { provider, httpStatus: status ?? null, code: codeOf(code, type), headers: headers ?? undefined },
      Date.now(),
    );
  }
  if (error instanceof SyntaxError) {
    return new ModelError('server_error', `The provider ${provider} sent something that is not JSON.`, {
      retryable: true,
    });
  }
  return error;
}

/** The code says more than the type; a local server sends its status as the code. */
function codeOf(code: unknown, type: unknown): string | null {
  return [code, type].find((one): one is string => typeof one === 'string' && one !== '') ?? null;
}

/** A body that broke off: `fetch` throws a TypeError, with the socket's error as its cause. */
function isBroken(error: unknown): boolean {
  return error instanceof TypeError && (error.message === 'terminated' || networkCode(error) !== null);
}

function networkCode(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string' && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(at.code)) return at.code;
  }
  return null;
}
