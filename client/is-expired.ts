import type { SessionRecord } from '../contracts/session/session.ts';

/** Whether nothing has happened in a session for `idleMs` until `nowMs` (default: now), whatever its policy says. */
export function isExpired(
  { lastActiveAt }: Pick<SessionRecord, 'lastActiveAt'>,
  idleMs: number,
  nowMs: number = Date.now(),
): boolean {
  return nowMs - Date.parse(lastActiveAt) >= idleMs;
}
