import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';
import { lockSession } from './lock-session.ts';

const TABLES = ['events', 'messages', 'runs', 'steps', 'tool_calls', 'sessions'];

/** Deletes a session and all that belongs to it. False when there was none. The next message under its id starts afresh. */
export async function deleteSession(db: Db, key: SessionKey): Promise<boolean> {
  return await db.transaction(async (tx) => {
    if (!(await lockSession(tx, key))) return false;
    for (const table of TABLES) {
      await tx.query(`DELETE FROM perdure.${table} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
    }
    return true;
  });
}
