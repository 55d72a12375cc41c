import type { ErrorCode } from '../contracts/errors.ts';
import type { SessionLimits } from '../contracts/session-limits.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { limitReason } from '../core/session-limit.ts';
import { countActive, lockActive } from './active-sessions.ts';
import type { Tx } from './db.ts';
import { markExpired } from './expire-session.ts';
import { lockSession } from './lock-session.ts';

/** More transactions than that are never under way at once. */
const CROWD = 1_000;

/** Why there is no room for another active session. */
export interface NoRoom {
  readonly code: Extract<ErrorCode, 'session_limit'>;
  readonly detail: string;
}

/**
 * Makes room for one more active session: at a limit the session that was idle longest expires. Null when there is room;
 * otherwise why not. Whoever makes a session meanwhile waits, so that no two take the last place.
 */
export async function makeRoom(tx: Tx, { user }: SessionKey, limits: SessionLimits): Promise<NoRoom | null> {
  const { activePerUser, active, evictIdleMs } = limits;
  if (!(await fits(tx, user, activePerUser, evictIdleMs))) return noRoom(`of yours`, activePerUser, evictIdleMs);
  if (active === null || (await fits(tx, null, active, evictIdleMs))) return null;
  return noRoom('in all', active, evictIdleMs);
}

async function fits(tx: Tx, user: string | null, limit: number, evictIdleMs: number): Promise<boolean> {
  // Far below the limit nobody need wait for anybody.
  if ((await countActive(tx, user)) + CROWD < limit) return true;
  await lockActive(tx, user);
  if ((await countActive(tx, user)) < limit) return true;
  // Those that somebody is writing to are not idle.
  const [idle] = await tx.query<{ user_id: string; session_id: string }>(
    `SELECT s.user_id, s.session_id FROM perdure.sessions s
      WHERE s.kind = 'session' AND s.status = 'active' AND ($1::text IS NULL OR s.user_id = $1)
        AND s.last_active_at <= clock_timestamp() - make_interval(secs => $2::float8 / 1000)
        AND NOT EXISTS (SELECT FROM perdure.runs r WHERE r.user_id = s.user_id AND r.session_id = s.session_id
                           AND r.status IN ('queued', 'running'))
      ORDER BY s.last_active_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED`,
    [user, evictIdleMs],
  );
  const session = idle && (await lockSession(tx, { user: idle.user_id, session: idle.session_id }));
  if (!session) return false;
  await markExpired(tx, session, limitReason({ of: user === null ? 'all' : 'user', limit }));
  return true;
}

function noRoom(whose: string, limit: number, evictIdleMs: number): NoRoom {
  const detail = `${limit} sessions ${whose} are active, as many as may be, and none has been idle for ${evictIdleMs} ms. End or delete one, or send again later.`;
  return { code: 'session_limit', detail };
}
