import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { ModelError, type ModelCallOptions } from '../model-client.ts';
import { providerError } from '../provider-error.ts';

/** The network's error codes for a connection that was not established. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export interface ProviderCall {
  /** Aborted by the caller, or by the idle timeout. */
  readonly signal: AbortSignal;
  /** Restarts the idle timeout after data has arrived, optionally with another length. */
  readonly resetIdleTimeout: (ms?: number) => void;
}

/**
 * Runs one call to a provider with an idle timeout. Rejects with the signal's reason when `caller` aborts, and with a
 * {@link ModelError} for everything that the provider or the network did wrong. Other errors pass unchanged.
 */
export async function callProvider<T>(
  provider: string,
  idleTimeoutMs: number,
  caller: ModelCallOptions['signal'],
  call: (context: ProviderCall) => Promise<T>,
): Promise<T> {
  caller.throwIfAborted();
  const idle = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const resetIdleTimeout = (ms = idleTimeoutMs) => {
    clearTimeout(timer);
    timer = setTimeout(() => idle.abort(idleTimeout(provider, ms)), ms);
  };
  resetIdleTimeout();
  try {
    const result = await call({ signal: AbortSignal.any([caller, idle.signal]), resetIdleTimeout });
    // The `openai` package ends an aborted stream without an error.
    caller.throwIfAborted();
    return result;
  } catch (error) {
    caller.throwIfAborted();
    throw idle.signal.aborted ? idle.signal.reason : toModelError(provider, error);
  } finally {
    clearTimeout(timer);
  }
}

function idleTimeout(provider: string, ms: number): ModelError {
  return new ModelError('timeout', `The provider ${provider} sent no data for ${ms} ms.`, { retryable: true });
}

function toModelError(provider: string, error: unknown): unknown {
  if (error instanceof APIConnectionTimeoutError) {
    return new ModelError('timeout', `The request to the provider ${provider} timed out.`, {
      retryable: true,
      cause: error,
    });
  }
  if (error instanceof APIConnectionError || isBroken(error)) {
    const code = networkCode(error);
    return new ModelError(
      'connection',
      `The connection to the provider ${provider} failed${code ? ` (${code})` : ''}. Check that it is running and reachable.`,
      { retryable: true, unsent: code !== null && NEVER_CONNECTED.has(code), cause: error },
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
    return new ModelError('server_error', `The provider ${provider} sent a response that is not JSON.`, {
      retryable: true,
    });
  }
  return error;
}

/** The code, else the type, which is less specific. Local servers send their status, a number, as the code. */
function codeOf(code: unknown, type: unknown): string | null {
  return [code, type].find((one): one is string => typeof one === 'string' && one !== '') ?? null;
}

/** Whether a response body was cut off: `fetch` throws a TypeError with the socket's error as its cause. */
function isBroken(error: unknown): boolean {
  return error instanceof TypeError && (error.message === 'terminated' || networkCode(error) !== null);
}

function networkCode(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string' && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(at.code)) return at.code;
  }
  return null;
}
