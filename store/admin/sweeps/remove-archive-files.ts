import type { Db } from '../../db/db.ts';

/** How long the removal of a file waits that has failed. */
const RETRY_MS = 60_000;

/**
 * For workers: removes the files whose removal is due. Safe to repeat and to run concurrently. Returns how many were removed, at
 * most `limit`; throws the first error of the folder, after it has tried the others.
 */
export async function removeDueArchiveFiles(
  db: Db,
  { limit = 100 }: { readonly limit?: number } = {},
): Promise<number> {
  const { archives } = db;
  if (archives === undefined) return 0;
  const due = await db.query<{ id: string }>(
    `UPDATE perdure.archive_removals
        SET removing = true, due_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
      WHERE archive_id IN (SELECT archive_id FROM perdure.archive_removals WHERE due_at <= clock_timestamp()
                            ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING archive_id AS id`,
    [limit, RETRY_MS],
  );
  const errors: unknown[] = [];
  for (const { id } of due) {
    try {
      await archives.remove(id);
      await db.query(`DELETE FROM perdure.archive_removals WHERE archive_id = $1`, [id]);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return due.length;
}
