import { formatDuration } from '../text/format-duration.ts';
/** What a session's expiry depends on. Times are ISO 8601. */
export interface Lifespan {
  readonly lastActiveAt: string;
  /** When it was created, or reopened since: a reopened session is given its age anew. */
  readonly openedAt: string;
}

export interface LifetimePolicy {
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
}

/** When and why a session expires. */
export interface Expiry {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly why: 'idle' | 'age';
}

/** When a session will expire if nothing happens in it: the earlier of its idle time and its age. */
export function expiryOf({ lastActiveAt, openedAt }: Lifespan, { idleTimeoutMs, maxAgeMs }: LifetimePolicy): Expiry {
  const idleAtMs = Date.parse(lastActiveAt) + idleTimeoutMs;
  const oldAtMs = Date.parse(openedAt) + maxAgeMs;
  return idleAtMs <= oldAtMs ? { atMs: idleAtMs, why: 'idle' } : { atMs: oldAtMs, why: 'age' };
}

/** Why a session has expired, for people. */
export function expiryReason(why: Expiry['why'], { idleTimeoutMs, maxAgeMs }: LifetimePolicy): string {
  return why === 'idle'
    ? `nothing happened for ${formatDuration(idleTimeoutMs)} (policy idleTimeoutMs)`
    : `open for ${formatDuration(maxAgeMs)} (policy maxAgeMs)`;
}

/** The longest pause between two looks at a session that has a run open. */
const BUSY_MS = 3_600_000;

/** When to look again at a session that should have expired but has a run open. */
export function busyPauseMs({ idleTimeoutMs, maxAgeMs }: LifetimePolicy): number {
  return Math.min(idleTimeoutMs, maxAgeMs, BUSY_MS);
}

/** Whether a session that is removed is archived first. */
export function archives(
  policy: { readonly archive: boolean; readonly archiveOverMessages: number },
  messages: number,
): boolean {
  return policy.archive && messages > policy.archiveOverMessages;
}
