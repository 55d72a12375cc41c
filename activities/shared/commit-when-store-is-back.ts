import { setTimeout as delay } from 'node:timers/promises';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 1_000;

/**
 * Commits what was paid for or has had an effect, and would otherwise be lost: repeats the commit while the store is unavailable,
 * for `LIMITS.keptResultMs` or until the signal is aborted. `commit` must have no effect when it has succeeded before.
 */
export async function commitWhenStoreIsBack<T>(signal: AbortSignal, commit: () => Promise<T>): Promise<T> {
  const until = Date.now() + LIMITS.keptResultMs.value;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, 2 * delayMs)) {
    try {
      return await commit();
    } catch (error) {
      const isAway = error instanceof PerdureError && error.code === 'store_unavailable';
      if (!isAway || signal.aborted || Date.now() >= until) throw error;
    }
    await delay(delayMs, undefined, { signal }).catch(() => {});
  }
}
