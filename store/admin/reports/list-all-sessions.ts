import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import {
  readPage,
  sessionConditions,
  type SessionListQuery,
  type SessionPage,
} from '../../read/lists/list-sessions.ts';
import { pageSize } from '../../db/page.ts';

/** For operators: lists the sessions of all users, newest activity first. Throws `invalid_request` for an invalid cursor. */
export async function listAllSessions(
  db: Db,
  filter: SessionListQuery & { readonly user?: string | undefined },
): Promise<SessionPage> {
  const limit = pageSize(filter.limit, LIMITS.sessionsPerPage.value);
  const conditions = sessionConditions(filter);
  const { sql, param } = conditions;
  if (filter.user !== undefined) sql.push(`s.user_id = ${param(filter.user)}`);
  if (filter.cursor !== undefined) {
    const [at, user, id] = positionIn(filter.cursor, ['time', 'string', 'string']);
    sql.push(`(s.last_active_at, s.user_id, s.session_id) < (${param(at)}, ${param(user)}, ${param(id)})`);
  }
  const order = 's.last_active_at DESC, s.user_id DESC, s.session_id DESC';
  return await readPage(db, conditions, order, limit, (last) => [last.last_active_at, last.user_id, last.session_id]);
}
