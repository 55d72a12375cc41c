import { formatDuration } from '../text/format-duration.ts';

/** The times on which a session's expiry depends, ISO 8601. */
export interface Lifespan {
  readonly lastActiveAt: string;
  /** When the session was created, or reopened since. Its age counts from here. */
  readonly openedAt: string;
}

export interface LifetimePolicy {
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
}

/** The time and the reason of an expiry. */
export interface Expiry {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly why: 'idle' | 'age';
}

/** Returns when a session expires if nothing happens in it: when its idle time or its maximum age is reached, whichever is first. */
export function expiryOf({ lastActiveAt, openedAt }: Lifespan, { idleTimeoutMs, maxAgeMs }: LifetimePolicy): Expiry {
  const idleAtMs = Date.parse(lastActiveAt) + idleTimeoutMs;
  const oldAtMs = Date.parse(openedAt) + maxAgeMs;
  return idleAtMs <= oldAtMs ? { atMs: idleAtMs, why: 'idle' } : { atMs: oldAtMs, why: 'age' };
}

/** The reason of an expiry, as shown to people. */
export function expiryReason(why: Expiry['why'], { idleTimeoutMs, maxAgeMs }: LifetimePolicy): string {
  return why === 'idle'
    ? `nothing happened for ${formatDuration(idleTimeoutMs)} (policy idleTimeoutMs)`
    : `open for ${formatDuration(maxAgeMs)} (policy maxAgeMs)`;
}

/** Longest interval between two expiry checks of a session that has an open run. */
const MAX_BUSY_MS = 3_600_000;

/** Milliseconds until the next check of a session that is due but has an open run. */
export function busyPauseMs({ idleTimeoutMs, maxAgeMs }: LifetimePolicy): number {
  return Math.min(idleTimeoutMs, maxAgeMs, MAX_BUSY_MS);
}

/** Whether a clean-up archives a session instead of deleting it. */
export function archives(
  policy: { readonly archive: boolean; readonly archiveOverMessages: number },
  messages: number,
): boolean {
  return policy.archive && messages > policy.archiveOverMessages;
}
