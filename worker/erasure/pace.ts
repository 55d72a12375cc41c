import { setTimeout as delay } from 'node:timers/promises';

/** Returns a function that resolves at most so many times a second, in the order of its calls. */
export function pace(perSecond: number): () => Promise<void> {
  let nextAt = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + 1_000 / perSecond;
    if (at > now) await delay(at - now);
  };
}
