import { MiddlewareError } from '../../agents/middleware/middleware.ts';
import { ModelError } from '../../models/model-client.ts';
import { HookOver } from './call-hook.ts';

/** The reason of a call, and the code of a run, that failed because of middleware. */
export const MIDDLEWARE_FAILED = 'middleware_failed';

/** Thrown to middleware by `generate`. */
export class FurtherCallError extends Error {
  override readonly name = 'FurtherCallError';
  /** `provider/model`. */
  readonly model: string;
  readonly retryable: boolean;
  override readonly cause: ModelError;

  constructor(model: string, cause: ModelError) {
    super(`The model ${model} gave no reply (${cause.reason}).`);
    this.model = model;
    this.retryable = cause.retryable;
    this.cause = cause;
  }
}

/**
 * Converts what middleware threw to the error of its model call. An error of the call itself, which `next` has thrown, is
 * returned as it is. The message of any other error may quote the conversation, so only its name is reported.
 */
export function hookFailure(name: string, thrown: unknown): ModelError {
  if (thrown instanceof ModelError) return thrown;
  if (thrown instanceof HookOver) return new ModelError(MIDDLEWARE_FAILED, thrown.message, { retryable: true });
  const who = `The middleware ${JSON.stringify(name)} failed`;
  if (thrown instanceof FurtherCallError) {
    const { retryable, cause } = thrown;
    const { retryAfterMs } = cause;
    return new ModelError(MIDDLEWARE_FAILED, `${who}: ${thrown.message}`, { retryable, retryAfterMs, cause });
  }
  const message = isMiddlewareError(thrown) ? `${who}: ${thrown.message}` : `${who} unexpectedly (${nameOf(thrown)}).`;
  return new ModelError(MIDDLEWARE_FAILED, message, { retryable: isRetryable(thrown), cause: thrown });
}

/** Also recognises an error of another copy of the module. */
function isMiddlewareError(thrown: unknown): thrown is MiddlewareError {
  return thrown instanceof MiddlewareError || nameOf(thrown) === 'MiddlewareError';
}

function isRetryable(thrown: unknown): boolean {
  try {
    return (thrown as { readonly retryable?: unknown } | null)?.retryable === true;
  } catch {
    return false;
  }
}

/** A name that looks like one: anything else that is thrown may be content. */
function nameOf(thrown: unknown): string {
  try {
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    return /^\w{1,64}$/.test(name) ? name : 'Error';
  } catch {
    return 'Error';
  }
}
