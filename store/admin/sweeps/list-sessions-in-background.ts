import { sessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import type { SessionWithOpenRuns } from './list-sessions-with-open-runs.ts';
import type { SessionPosition } from './sweeps.ts';

interface Page {
  readonly quietForMs: number;
  readonly endsAfterMs: number;
  readonly after: SessionPosition | null;
  readonly limit: number;
}

/**
 * For workers: lists a page of the sessions of all users with calls of `afterRun` that have been left for the background for
 * `quietForMs` and not for `endsAfterMs`, by user and session id.
 */
export async function listSessionsInBackground(
  db: Db,
  { quietForMs, endsAfterMs, after, limit }: Page,
): Promise<SessionWithOpenRuns[]> {
  const rows = await db.query<{ user_id: string; session_id: string; kind: 'session' | 'run' }>(
    `SELECT s.user_id, s.session_id, s.kind
       FROM perdure.sessions s
      WHERE ($3::text IS NULL OR (s.user_id, s.session_id) > ($3, $4))
        AND s.status <> 'archived'
        AND (s.user_id, s.session_id) IN
            (SELECT r.user_id, r.session_id FROM perdure.runs r
              WHERE (r.context ->> 'background') = 'true' AND r.status = 'completed'
                AND r.ended_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
                AND r.ended_at > clock_timestamp() - make_interval(secs => $5::float8 / 1000))
      ORDER BY s.user_id, s.session_id
      LIMIT $2`,
    [quietForMs, limit, after?.[0] ?? null, after?.[1] ?? null, endsAfterMs],
  );
  return rows.map(({ user_id, session_id, kind }) => ({ key: sessionKey(user_id, session_id), kind }));
}
