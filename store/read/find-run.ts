import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { isClaimed } from '../rows/row-claims.ts';

/** Finds the session that contains a run of a user; null when there is none. Scans the keys of all the user's runs: not for hot paths. */
export async function findRun(db: Db, user: string, runId: string): Promise<SessionKey | null> {
  const [found] = await db.query<{ session_id: string }>(
    `SELECT r.session_id FROM perdure.runs r WHERE r.user_id = $1 AND r.run_id = $2 AND NOT ${isClaimed('r')} LIMIT 1`,
    [user, runId],
  );
  return found ? sessionKey(user, found.session_id) : null;
}
