import type { Tx } from '../db/db.ts';

/** Returns the columns of a table but user and session, from the catalog, so that no name from a document reaches SQL. */
export async function columnsOf(tx: Tx, table: string): Promise<string[]> {
  const columns = await tx.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [`perdure.${table}`],
  );
  return columns.map(({ name }) => name).filter((name) => name !== 'user_id' && name !== 'session_id');
}
