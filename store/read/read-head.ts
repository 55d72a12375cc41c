import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** Reads the `seq` of a session's newest event; null when there is no such session. */
export async function readHead(db: Db, key: SessionKey): Promise<number | null> {
  const [row] = await db.query<{ head: number }>(
    `SELECT head FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  return row?.head ?? null;
}
