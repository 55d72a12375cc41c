import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../contracts/limits.ts';
import type { Startup } from './serve.ts';

const RETRY_MS = 250;

/**
 * Opens what another process provides, and tries again for `LIMITS.startWaitMs` while it fails with an error that may pass: processes
 * that are started together are not ready together. Throws the last error.
 */
export async function retryAtStart<T>(
  { progress, throwIfStopping }: Pick<Startup, 'progress' | 'throwIfStopping'>,
  open: () => Promise<T>,
  mayPass: (error: unknown) => boolean,
): Promise<T> {
  const giveUpAt = performance.now() + LIMITS.startWaitMs.value;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await open();
    } catch (error) {
      if (!mayPass(error) || performance.now() > giveUpAt) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (isFirst) progress.note(`${reason} Trying again for ${LIMITS.startWaitMs.value / 1_000} s.`);
    }
    await delay(RETRY_MS);
    throwIfStopping();
  }
}
