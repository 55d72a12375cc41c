import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionRecord } from '../../contracts/session/session.ts';
import type { Db } from '../db/db.ts';
import { SESSION_COLUMNS, sessionRecordOf, type SessionRecordRow } from './session-record.ts';

/** Reads a session's row; null when there is none. */
export async function readSession(db: Db, key: SessionKey): Promise<SessionRecord | null> {
  const [row] = await db.query<SessionRecordRow>(
    `SELECT ${SESSION_COLUMNS} FROM perdure.sessions s WHERE s.user_id = $1 AND s.session_id = $2`,
    [key.user, key.session],
  );
  return row ? sessionRecordOf(row) : null;
}
