import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { restingSession } from '../log/resting-session.ts';

/** Reads the `seq` of each session's newest event, in the order of `keys`, in one query, or none if all rest. Null for a session that does not exist. */
export async function readHeads(db: Tx, keys: readonly SessionKey[]): Promise<(number | null)[]> {
  const resting = keys.map((key) => restingSession(db, key)?.session.row.head);
  if (resting.every((head) => head !== undefined)) return resting;
  // As JSON: the two drivers encode arrays differently.
  const rows = await db.query<{ head: number | null }>(
    `SELECT sessions.head
       FROM json_array_elements($1::json) WITH ORDINALITY AS requested(key, place)
       LEFT JOIN perdure.sessions
         ON sessions.user_id = requested.key->>'user' AND sessions.session_id = requested.key->>'session'
      ORDER BY requested.place`,
    [JSON.stringify(keys)],
  );
  return rows.map(({ head }) => head);
}
