/** The result of a decision; null if it throws or takes longer than `ms`, after which its signal is aborted. */
export async function timedDecision<T>(
  ms: number,
  stop: AbortSignal,
  decide: (signal: AbortSignal) => T | Promise<T>,
): Promise<T | null> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ms)]);
  const over = Promise.withResolvers<null>();
  const onAbort = (): void => over.resolve(null);
  signal.addEventListener('abort', onAbort, { once: true });
  const decision = (async () => await decide(signal))();
  try {
    return await Promise.race([decision, over.promise]);
  } catch {
    return null;
  } finally {
    decision.catch(() => {});
    signal.removeEventListener('abort', onAbort);
  }
}
