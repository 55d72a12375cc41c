import type { Tx } from '../../db/db.ts';

/**
 * Tables whose rows of a user stay: the audit trail, which is the record of who has read or erased what, and the erasure itself,
 * which ends without a user.
 */
export const KEPT_TABLES: readonly string[] = ['audit', 'erasures'];

/** Tables whose rows stand for files, which are removed first: see `erase-attachments.ts` and `erase-sessions.ts`. */
export const FILE_TABLES: readonly string[] = ['attachment_contents', 'attachment_removals', 'archive_removals'];

/** Sums that stay, without the user: of model calls, for the accounting of the deployment, and of runs. */
export const SUMMED_TABLES: readonly string[] = ['usage_days', 'run_stats'];

/** The tables with rows of users, from the catalogue, so that a table of a later version is not forgotten. Not those that stay. */
export async function userTables(tx: Tx): Promise<string[]> {
  const rows = await tx.query<{ name: string }>(
    `SELECT c.table_name AS name FROM information_schema.columns c
       JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
      WHERE c.table_schema = 'perdure' AND c.column_name = 'user_id' AND t.table_type = 'BASE TABLE'
      ORDER BY c.table_name`,
  );
  return rows.map(({ name }) => name).filter((name) => !KEPT_TABLES.includes(name));
}
