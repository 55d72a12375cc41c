import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { limitReason } from '../../core/session/session-limit.ts';
import { countActive, lockActive } from './active-sessions.ts';
import type { Tx } from '../db/db.ts';
import { hasNoOpenRun, markExpired } from './expire-session.ts';
import { lockSession } from '../log/lock-session.ts';

/** More transactions than that are never under way at once. */
const CROWD = 1_000;

/** There is no room for another active session. */
export class NoRoomError extends PerdureError {
  constructor(whose: string, limit: number, evictIdleMs: number) {
    super(
      'session_limit',
      `${limit} ${limit === 1 ? 'session' : 'sessions'} ${whose} ${limit === 1 ? 'is' : 'are'} active, as many as may be, and none has been idle for ${formatDuration(evictIdleMs)}. End or delete one, or send again later.`,
    );
  }
}

/** A session that has expired to make room: after the commit its readers and its workflow are to be told. */
export interface EvictedSession {
  readonly key: SessionKey;
  readonly events: readonly PerdureEvent[];
}

/**
 * Makes room for one more active session: at a limit the session that was idle longest expires. Answers which did.
 * Throws {@link NoRoomError}, and the transaction is then to be rolled back. Whoever makes a session meanwhile waits, so
 * that no two take the last place.
 */
export async function makeRoom(tx: Tx, { user }: SessionKey, limits: SessionLimits): Promise<EvictedSession[]> {
  const { activePerUser, active, evictIdleMs } = limits;
  const ofUser = await fit(tx, user, activePerUser, evictIdleMs);
  if (!ofUser) throw new NoRoomError('of yours', activePerUser, evictIdleMs);
  if (active === null) return ofUser;
  const inAll = await fit(tx, null, active, evictIdleMs);
  if (!inAll) throw new NoRoomError('in all', active, evictIdleMs);
  return [...ofUser, ...inAll];
}

/** Whom it has expired; null where there is no room. */
async function fit(tx: Tx, user: string | null, limit: number, evictIdleMs: number): Promise<EvictedSession[] | null> {
  // Far below the limit nobody need wait for anybody.
  if ((await countActive(tx, user)) + CROWD < limit) return [];
  await lockActive(tx, user);
  if ((await countActive(tx, user)) < limit) return [];
  // Those that somebody is writing to are not idle.
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
