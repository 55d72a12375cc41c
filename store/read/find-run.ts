import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** The session of a user that has this run; null when none has. Walks the keys of all the user's runs: for a person's question, not for a hot path. */
export async function findRun(db: Db, user: string, runId: string): Promise<SessionKey | null> {
  const [found] = await db.query<{ session_id: string }>(
    `SELECT r.session_id FROM perdure.runs r WHERE r.user_id = $1 AND r.run_id = $2 LIMIT 1`,
    [user, runId],
  );
  return found ? sessionKey(user, found.session_id) : null;
}
