import type { Caller } from '../http/caller.ts';
import type { KeyRing } from './key-ring.ts';

/** The longest time that Node's timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls the listener when a caller's credential expires, or its API key is revoked. Returns the function that ends that. */
export function onCredentialEnd(
  keys: KeyRing | null,
  { keyId, expiresAtMs }: Caller,
  listener: () => void,
): () => void {
  const stopWatching = keyId === null ? undefined : keys?.onRevoked(keyId, listener);
  const leftMs = expiresAtMs === null ? Infinity : expiresAtMs - Date.now();
  // A stream that is open for weeks ends for other reasons.
  const timer = leftMs > MAX_TIMER_MS ? undefined : setTimeout(listener, Math.max(0, leftMs)).unref();
  return () => {
    stopWatching?.();
    clearTimeout(timer);
  };
}
