import type { SessionRecord } from '../contracts/session/session.ts';

/** Whether a session has been idle for `idleMs` at `nowMs` (default: now), regardless of its policy. */
export function isExpired(
  { lastActiveAt }: Pick<SessionRecord, 'lastActiveAt'>,
  idleMs: number,
  nowMs: number = Date.now(),
): boolean {
  return nowMs - Date.parse(lastActiveAt) >= idleMs;
}
