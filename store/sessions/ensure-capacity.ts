import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { limitReason } from '../../core/session/session-limit.ts';
import { countActiveSessions, lockActiveSessionLimit } from './active-session-limit.ts';
import type { Tx } from '../db/db.ts';
import { hasNoOpenRun, markExpired } from './expire-if-due.ts';
import { lockSession } from '../log/lock-session.ts';

/** Upper bound of concurrent transactions: further below the limit than this, they cannot exceed it together. */
const MAX_CONCURRENT_TX = 1_000;

/** The limit of active sessions is reached and no session is idle enough to be evicted. */
export class SessionLimitError extends PerdureError {
  constructor(whose: string, limit: number, evictIdleMs: number) {
    super(
      'session_limit',
      `The limit of ${limit} active ${limit === 1 ? 'session' : 'sessions'} ${whose} is reached, and none has been idle for ${formatDuration(evictIdleMs)}. End or delete one, or try again later.`,
    );
  }
}

/** A session that was expired to stay within the limit. After the commit, the caller publishes the events and notifies the session's workflow. */
export interface EvictedSession {
  readonly key: SessionKey;
  readonly events: readonly PerdureEvent[];
}

/**
 * Ensures that one more session may become active: at a limit, expires the session that has been idle longest. Returns
 * the expired sessions. Throws {@link SessionLimitError}, after which the transaction must be rolled back. Concurrent
 * calls near the limit are serialised until the transaction ends.
 */
export async function ensureCapacity(tx: Tx, { user }: SessionKey, limits: SessionLimits): Promise<EvictedSession[]> {
  const { activePerUser, active, evictIdleMs } = limits;
  const ofUser = await evictAtLimit(tx, user, activePerUser, evictIdleMs);
  if (!ofUser) throw new SessionLimitError('per user', activePerUser, evictIdleMs);
  if (active === null) return ofUser;
  const ofAll = await evictAtLimit(tx, null, active, evictIdleMs);
  if (!ofAll) throw new SessionLimitError('in this deployment', active, evictIdleMs);
  return [...ofUser, ...ofAll];
}

/** Returns the sessions that were expired; null when none could be. */
async function evictAtLimit(
  tx: Tx,
  user: string | null,
  limit: number,
  evictIdleMs: number,
): Promise<EvictedSession[] | null> {
  // Far below the limit the lock is not needed.
  if ((await countActiveSessions(tx, user)) + MAX_CONCURRENT_TX < limit) return [];
  await lockActiveSessionLimit(tx, user);
  if ((await countActiveSessions(tx, user)) < limit) return [];
  // SKIP LOCKED: a session that another transaction is writing to is not idle.
  const [idle] = await tx.query<{ user_id: string; session_id: string }>(
    `SELECT s.user_id, s.session_id FROM perdure.sessions s
      WHERE s.kind = 'session' AND s.status = 'active' AND ($1::text IS NULL OR s.user_id = $1)
        AND s.last_active_at <= clock_timestamp() - make_interval(secs => $2::float8 / 1000)
        AND ${hasNoOpenRun('s')}
      ORDER BY s.last_active_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED`,
    [user, evictIdleMs],
  );
  const session = idle && (await lockSession(tx, { user: idle.user_id, session: idle.session_id }));
  if (!session) return null;
  const reason = limitReason({ of: user === null ? 'all' : 'user', limit });
  return [{ key: session.key, events: await markExpired(tx, session, reason) }];
}
