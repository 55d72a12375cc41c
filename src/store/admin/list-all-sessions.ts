import { LIMITS } from '../../contracts/limits.ts';
import { pageSize, positionIn } from '../cursor.ts';
import type { Db } from '../db.ts';
import { pageOf, SESSION_FILTER, sessionFilterParams, type SessionFilter, type SessionPage } from '../list-sessions.ts';
import { SESSION_COLUMNS, type ShownSession } from '../session-record.ts';

/** For operators: the sessions of every user, newest activity first. Throws `invalid_request` for a cursor that is none. */
export async function listAllSessions(
  db: Db,
  filter: SessionFilter & { readonly user?: string | undefined },
): Promise<SessionPage> {
  const limit = pageSize(filter.limit, LIMITS.sessionsPerPage.value);
  const [at, user, id] =
    filter.cursor === undefined ? [null, null, null] : positionIn(filter.cursor, ['time', 'string', 'string']);
  const rows = await db.query<ShownSession>(
    `SELECT ${SESSION_COLUMNS} FROM perdure.sessions s
      WHERE ($5::text IS NULL OR s.user_id = $5) AND ${SESSION_FILTER}
        AND ($6::timestamptz IS NULL OR (s.last_active_at, s.user_id, s.session_id) < ($6, $7, $8))
      ORDER BY s.last_active_at DESC, s.user_id DESC, s.session_id DESC
      LIMIT $9`,
    [...sessionFilterParams(filter), filter.user ?? null, at, user, id, limit + 1],
  );
  return pageOf(rows, limit, (last) => [last.last_active_at, last.user_id, last.session_id]);
}
