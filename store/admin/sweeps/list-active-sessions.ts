import type { Policy } from '../../../contracts/agent.ts';
import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { hasNoOpenRun, type ExpiryFacts } from '../../sessions/expire-if-due.ts';
import type { SessionPosition } from './sweeps.ts';

/**
 * For workers: lists a page of the active sessions of all users without an open run, by user and session id. `at` of their
 * expiry facts is `overdueMs` ago, so that a session that is due by them is overdue by that time.
 */
export async function listActiveSessions(
  db: Db,
  { after, limit, overdueMs }: { after: SessionPosition | null; limit: number; overdueMs: number },
): Promise<{ readonly key: SessionKey; readonly facts: ExpiryFacts }[]> {
  const rows = await db.query<ExpiryFacts & { user: string; session: string; policy: Policy }>(
    `SELECT s.user_id AS user, s.session_id AS session, s.agent, s.policy, s.last_active_at AS "lastActiveAt",
            s.opened_at AS "openedAt", clock_timestamp() - make_interval(secs => $4::float8 / 1000) AS at
       FROM perdure.sessions s
      WHERE s.kind = 'session' AND s.status = 'active' AND ($1::text IS NULL OR (s.user_id, s.session_id) > ($1, $2))
        AND ${hasNoOpenRun('s')}
      ORDER BY s.user_id, s.session_id
      LIMIT $3`,
    [after?.[0] ?? null, after?.[1] ?? null, limit, overdueMs],
  );
  return rows.map(({ user, session, ...facts }) => ({ key: sessionKey(user, session), facts }));
}
