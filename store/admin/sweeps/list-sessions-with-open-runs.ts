import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import type { SessionPosition } from './sweeps.ts';
import { hasWork } from '../../runs/held-runs.ts';

export interface SessionWithOpenRuns {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
}

/**
 * For workers: lists a page of the sessions of all users with an open run and no write for `quietForMs`, by user and
 * session id. A session whose run waits for its provider counts as quiet only once its next request to the provider is overdue by
 * `quietForMs`. One whose run waits for an answer counts only once its deadline or a reminder is overdue by as much.
 */
export async function listSessionsWithOpenRuns(
  db: Db,
  { quietForMs, after, limit }: { quietForMs: number; after: SessionPosition | null; limit: number },
): Promise<SessionWithOpenRuns[]> {
  const rows = await db.query<{ user_id: string; session_id: string; kind: 'session' | 'run' }>(
    `SELECT s.user_id, s.session_id, s.kind
       FROM perdure.sessions s
      WHERE ($3::text IS NULL OR (s.user_id, s.session_id) > ($3, $4))
        AND s.updated_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
        AND ((s.user_id, s.session_id) IN (SELECT r.user_id, r.session_id FROM perdure.runs r WHERE ${hasWork('r')})
             OR (s.user_id, s.session_id) IN
                (SELECT i.user_id, i.session_id FROM perdure.inbox i
                  WHERE i.status = 'pending'
                    AND least(i.expires_at, i.remind_at) < clock_timestamp() - make_interval(secs => $1::float8 / 1000)))
        AND NOT EXISTS
            (SELECT FROM perdure.provider_tickets t
              WHERE t.user_id = s.user_id AND t.session_id = s.session_id
                AND t.due_at > clock_timestamp() - make_interval(secs => $1::float8 / 1000))
      ORDER BY s.user_id, s.session_id
      LIMIT $2`,
    [quietForMs, limit, after?.[0] ?? null, after?.[1] ?? null],
  );
  return rows.map(({ user_id, session_id, kind }) => ({ key: sessionKey(user_id, session_id), kind }));
}
