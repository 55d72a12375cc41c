/** Thrown when a hook takes too long, and to a hook that calls back after its end. */
export class HookOver extends Error {
  override readonly name = 'HookOver';
  readonly retryable = true;
}

export interface HookLimits {
  readonly name: string;
  readonly timeoutMs: number;
}

/** What a hook is called with, besides its own argument. */
export interface RunningHook {
  /** Aborted by the caller's signal, by the timeout, and when the hook has ended. */
  readonly signal: AbortSignal;
  /** Performs work that the hook waits for, such as `next`. Its time does not count. Rejects once the hook has ended. */
  readonly outside: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Calls a hook within its time. Rejects with what it throws, with the reason of `signal` as soon as that is aborted, or with a
 * {@link HookOver} after `timeoutMs`. What the hook does afterwards has no effect. Code that blocks the thread cannot be stopped.
 */
export async function callHook(
  { name, timeoutMs }: HookLimits,
  signal: AbortSignal,
  hook: (running: RunningHook) => unknown,
): Promise<unknown> {
  signal.throwIfAborted();
  const end = new AbortController();
  const ended = Promise.withResolvers<never>();
  const stop = (reason: unknown): void => {
    // Rejected before the abort, so that an error thrown because of the abort is not taken for the result.
    ended.reject(reason);
    end.abort(reason);
  };
  const timeUp = (): void =>
    stop(new HookOver(`The middleware ${JSON.stringify(name)} took longer than ${timeoutMs} ms (timeoutMs).`));
  const onAbort = (): void => stop(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let remainingMs = timeoutMs;
  let since = performance.now();
  let timer = setTimeout(timeUp, remainingMs);
  let waiting = 0;
  const outside: RunningHook['outside'] = async (work) => {
    if (end.signal.aborted) throw new HookOver(`The call of the middleware ${JSON.stringify(name)} has ended.`);
    if ((waiting += 1) === 1) {
      clearTimeout(timer);
      remainingMs -= performance.now() - since;
    }
    try {
      return await work();
    } finally {
      if ((waiting -= 1) === 0 && !end.signal.aborted) {
        since = performance.now();
        timer = setTimeout(timeUp, Math.max(1, remainingMs));
      }
    }
  };
  try {
    return await Promise.race([ended.promise, (async () => await hook({ signal: end.signal, outside }))()]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    end.abort(new DOMException('The call of the middleware has ended.', 'AbortError'));
  }
}
