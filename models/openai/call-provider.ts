import { APIConnectionError, APIConnectionTimeoutError } from 'openai';
import { NEVER_CONNECTED } from '../../core/providers/never-connected.ts';
import { ModelError, type ModelCallOptions } from '../model-client.ts';

export interface ProviderCall {
  /** Aborted by the caller, or by the idle timeout. */
  readonly signal: AbortSignal;
  /** Restarts the idle timeout after bytes have arrived, optionally with another length. */
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
  let lengthMs = idleTimeoutMs;
  let timer = setTimeout(() => idle.abort(idleTimeout(provider, lengthMs)), lengthMs);
  const resetIdleTimeout = (ms = idleTimeoutMs) => {
    if (ms === lengthMs) return void timer.refresh();
    clearTimeout(timer);
    lengthMs = ms;
    timer = setTimeout(() => idle.abort(idleTimeout(provider, ms)), ms);
  };
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
  return new ModelError('timeout', `The provider ${provider} sent no data for ${ms} ms (policy modelSilenceMs).`, {
    retryable: true,
  });
}

function toModelError(provider: string, error: unknown): unknown {
  if (error instanceof APIConnectionTimeoutError) {
    return new ModelError('timeout', `The request to the provider ${provider} timed out.`, {
      retryable: true,
      cause: error,
    });
  }
  if (error instanceof APIConnectionError) {
    const code = networkCode(error);
    return new ModelError(
      'connection',
      `The connection to the provider ${provider} failed${code ? ` (${code})` : ''}. Check that it is running and reachable.`,
      { retryable: true, unsent: code !== null && NEVER_CONNECTED.has(code), cause: error },
    );
  }
  return error;
}

function networkCode(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string' && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(at.code)) return at.code;
  }
  return null;
}
