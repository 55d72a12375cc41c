import { LIMITS } from '../contracts/limits.ts';
import type { SessionRecord, SessionStatus } from '../contracts/session.ts';
import { cursorOf, pageSize, positionIn } from './cursor.ts';
import type { Db } from './db.ts';
import { SESSION_COLUMNS, sessionRecordOf, type ShownSession } from './session-record.ts';

export interface SessionFilter {
  readonly status?: SessionStatus | undefined;
  readonly agent?: string | undefined;
  /** Keys and their values as text: `5` finds the number 5 too. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601. */
  readonly activeSince?: string | undefined;
  /** At most 200. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SessionPage {
  readonly data: SessionRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** What the filters of every list of sessions mean; parameters $1 to $4. Runs without a session are left out. */
export const SESSION_FILTER = `
  s.kind = 'session'
  AND ($1::text IS NULL OR s.status = $1)
  AND ($2::text IS NULL OR s.agent = $2)
  AND ($3::timestamptz IS NULL OR s.last_active_at >= $3)
  AND NOT EXISTS (SELECT FROM json_each_text($4::json) f WHERE s.metadata ->> f.key IS DISTINCT FROM f.value)`;

export function sessionFilterParams({ status, agent, activeSince, metadata }: SessionFilter): unknown[] {
  return [status ?? null, agent ?? null, activeSince ?? null, JSON.stringify(metadata ?? {})];
}

/** A user's sessions, newest activity first. Throws `invalid_request` for a cursor that is none. */
export async function listSessions(db: Db, user: string, filter: SessionFilter): Promise<SessionPage> {
  const limit = pageSize(filter.limit, LIMITS.sessionsPerPage.value);
  const [at, id] = filter.cursor === undefined ? [null, null] : positionIn(filter.cursor, ['time', 'string']);
  const rows = await db.query<ShownSession>(
    `SELECT ${SESSION_COLUMNS} FROM perdure.sessions s
      WHERE s.user_id = $5 AND ${SESSION_FILTER}
        AND ($6::timestamptz IS NULL OR (s.last_active_at, s.session_id) < ($6, $7))
      ORDER BY s.last_active_at DESC, s.session_id DESC
      LIMIT $8`,
    [...sessionFilterParams(filter), user, at, id, limit + 1],
  );
  return pageOf(rows, limit, (last) => [last.last_active_at, last.session_id]);
}

/** A page of `limit` from rows that were asked for one more. */
export function pageOf(
  rows: readonly ShownSession[],
  limit: number,
  position: (last: ShownSession) => string[],
): SessionPage {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(sessionRecordOf),
    nextCursor: rows.length > limit && last ? cursorOf(position(last)) : null,
  };
}
