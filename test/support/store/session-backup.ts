import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db, Tx } from '../../../store/db/db.ts';
import { SESSION_TABLES } from '../../../store/rows/session-tables.ts';

const TABLES = ['sessions', ...SESSION_TABLES.map(({ name }) => name)];

/**
 * Copies the rows of a session. The returned function puts them back as they were, as `pg_restore` does for a whole
 * database: under new transaction ids, with the same times.
 */
export async function backUpSession(db: Db, key: SessionKey): Promise<() => Promise<void>> {
  const rows = await Promise.all(TABLES.map((table) => rowsOf(db, key, table)));
  return () =>
    db.transaction(async (tx) => {
      for (const [index, table] of TABLES.entries()) {
        await tx.query(`DELETE FROM perdure.${table} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
        await tx.query(
          `INSERT INTO perdure.${table} SELECT * FROM json_populate_recordset(NULL::perdure.${table}, $1::json)`,
          [rows[index]],
        );
      }
    });
}

async function rowsOf(db: Tx, { user, session }: SessionKey, table: string): Promise<string> {
  const [found] = await db.query<{ rows: string }>(
    `SELECT coalesce(json_agg(t), '[]')::text AS rows FROM perdure.${table} t WHERE user_id = $1 AND session_id = $2`,
    [user, session],
  );
  return (found as { rows: string }).rows;
}
