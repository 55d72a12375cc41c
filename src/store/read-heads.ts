import type { SessionKey } from '../contracts/session-key.ts';
import type { Tx } from './db.ts';

/** The `seq` of each session's newest event, in the order asked; null for a session that does not exist. One query. */
export async function readHeads(db: Tx, keys: readonly SessionKey[]): Promise<(number | null)[]> {
  if (keys.length === 0) return [];
  const rows = await db.query<{ head: number | null }>(
    `SELECT sessions.head
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked(user_id, session_id, place)
       LEFT JOIN perdure.sessions USING (user_id, session_id)
      ORDER BY asked.place`,
    [keys.map((key) => key.user), keys.map((key) => key.session)],
  );
  return rows.map(({ head }) => head);
}
