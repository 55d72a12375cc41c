import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';

export interface SessionWithOpenRuns {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
}

/**
 * For workers: lists sessions of all users with an open run and no write for `quietForMs`, the longest quiet first. A
 * session whose run waits for its provider counts as quiet only once its next request to the provider is overdue by
 * `quietForMs`.
 */
export async function listSessionsWithOpenRuns(
  db: Db,
  { quietForMs, limit }: { readonly quietForMs: number; readonly limit: number },
): Promise<SessionWithOpenRuns[]> {
  const rows = await db.query<{ user_id: string; session_id: string; kind: 'session' | 'run' }>(
    `SELECT s.user_id, s.session_id, s.kind
       FROM perdure.sessions s
      WHERE s.updated_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
        AND (s.user_id, s.session_id) IN
            (SELECT r.user_id, r.session_id FROM perdure.runs r WHERE r.status IN ('queued', 'running'))
        AND NOT EXISTS
            (SELECT FROM perdure.provider_tickets t
              WHERE t.user_id = s.user_id AND t.session_id = s.session_id
                AND t.due_at > clock_timestamp() - make_interval(secs => $1::float8 / 1000))
      ORDER BY s.updated_at
      LIMIT $2`,
    [quietForMs, limit],
  );
  return rows.map(({ user_id, session_id, kind }) => ({ key: sessionKey(user_id, session_id), kind }));
}
