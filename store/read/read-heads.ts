import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** Reads the `seq` of each session's newest event, in the order of `keys`, in one query. Null for a session that does not exist. */
export async function readHeads(db: Tx, keys: readonly SessionKey[]): Promise<(number | null)[]> {
  if (keys.length === 0) return [];
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
