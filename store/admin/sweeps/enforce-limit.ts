import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import { limitReason, type SessionLimit } from '../../../core/session/session-limit.ts';
import { countActiveSessions, lockActiveSessionLimit } from '../../sessions/active-session-limit.ts';
import type { Db } from '../../db/db.ts';
import { hasNoOpenRun, hasOpenRun, markExpired } from '../../sessions/expire-if-due.ts';
import { lockSession } from '../../log/lock-session.ts';
import { recordAction, type SweepStart } from './sweeps.ts';

/** A session in excess of the limit of active sessions. */
export interface OverLimit {
  readonly key: SessionKey;
  /** Whether the excess is so large that the sessions need not be counted again before this one expires. */
  readonly skipRecount: boolean;
}

/** Upper bound of sessions that end by themselves between the listing and the end of a page of a sweep. */
const RECOUNT_MARGIN = 1_000;

/**
 * For workers: lists idle sessions in excess of the limit, of all users or of the sweep's user, the longest idle first,
 * at most `maxSessions`. Leaves out sessions with open runs and those that the sweep has acted on. In a dry run, the
 * recorded actions count as done. {@link expireOverLimit} checks again.
 */
export async function listOverLimit(
  db: Db,
  { id, user, dryRun }: SweepStart,
  { of, limit, evictIdleMs }: SessionLimit,
  maxSessions: number,
): Promise<OverLimit[]> {
  const params = [id, user, dryRun, of === 'user', limit, evictIdleMs, maxSessions, RECOUNT_MARGIN];
  const rows = await db.query<{ user_id: string; session_id: string; skip_recount: boolean }>(OVER_LIMIT, params);
  return rows.map(({ user_id, session_id, skip_recount: skipRecount }) => ({
    key: sessionKey(user_id, session_id),
    skipRecount,
  }));
}

/** For workers: expires a session if the limit is still exceeded and the session is still idle, and records the action, in one transaction. Returns null when the session was left unchanged. */
export async function expireOverLimit(
  db: Db,
  sweepId: string,
  { key, skipRecount }: OverLimit,
  limit: SessionLimit,
): Promise<readonly PerdureEvent[] | null> {
  const user = limit.of === 'user' ? key.user : null;
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (session?.row.status !== 'active' || session.row.kind !== 'session') return null;
    const idleMs = Date.parse(session.at) - Date.parse(session.row.last_active_at);
    if (idleMs < limit.evictIdleMs || (await hasOpenRun(tx, key))) return null;
    if (!skipRecount) {
      await lockActiveSessionLimit(tx, user);
      if ((await countActiveSessions(tx, user)) <= limit.limit) return null;
    }
    const reason = limitReason(limit);
    const events = await markExpired(tx, session, reason);
    await recordAction(tx, sweepId, key, { action: 'expired', reason });
    return events;
  });
}

/** `owner`: the user whose sessions count; null for all users. Scans the active sessions once. */
const OVER_LIMIT = `
  WITH noted AS NOT MATERIALIZED (
    SELECT user_id, session_id, action FROM perdure.sweep_actions WHERE sweep_id = $1
  ), active AS (
    SELECT s.user_id, s.session_id, s.last_active_at, w.owner,
           count(*) OVER (PARTITION BY w.owner) - $5::integer AS excess
      FROM perdure.sessions s, LATERAL (SELECT CASE WHEN $4::boolean THEN s.user_id END AS owner) w
     WHERE s.kind = 'session' AND s.status = 'active' AND ($2::text IS NULL OR s.user_id = $2)
       AND NOT ($3::boolean AND EXISTS (SELECT FROM noted n WHERE n.user_id = s.user_id AND n.session_id = s.session_id
                                           AND n.action NOT IN ('warned', 'error')))
  ), idle AS (
    SELECT a.user_id, a.session_id, a.last_active_at, a.excess,
           row_number() OVER (PARTITION BY a.owner ORDER BY a.last_active_at, a.user_id, a.session_id) AS place
      FROM active a
     WHERE a.excess > 0 AND a.last_active_at <= clock_timestamp() - make_interval(secs => $6::float8 / 1000)
       AND ${hasNoOpenRun('a')}
       AND NOT EXISTS (SELECT FROM noted n WHERE n.user_id = a.user_id AND n.session_id = a.session_id
                          AND n.action <> 'warned')
  )
  SELECT user_id, session_id, excess - place > $8::integer AS skip_recount FROM idle
   WHERE place <= excess ORDER BY last_active_at, user_id, session_id LIMIT $7`;
