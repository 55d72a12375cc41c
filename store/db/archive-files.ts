import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from './db.ts';

/** After so long, nobody is about to use a file that was planned. */
const PLANNED_MS = 3_600_000;

/** Plans the removal of a file that is about to be written, so that nothing is left behind where the writer dies. */
export async function planArchiveFile(tx: Tx, { user }: SessionKey, id: string): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.archive_removals (archive_id, user_id, due_at, removing)
     VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8 / 1000), false)`,
    [id, user, PLANNED_MS],
  );
}

/** Keeps a file, in the transaction that makes it an archive. Returns false if its removal has begun. */
export async function adoptArchiveFile(tx: Tx, id: string): Promise<boolean> {
  const planned = await tx.query(
    `DELETE FROM perdure.archive_removals WHERE archive_id = $1 AND NOT removing RETURNING 1`,
    [id],
  );
  return planned.length > 0;
}

/** Plans the removal of the file of an archive, in the transaction that deletes the archive. */
export async function releaseArchiveFile(tx: Tx, { user }: SessionKey, id: string): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.archive_removals (archive_id, user_id, due_at, removing) VALUES ($1, $2, clock_timestamp(), true)`,
    [id, user],
  );
}

/** Removes a file that was released, or was written for nothing. Upkeep repeats it where it fails. Never rejects. */
export async function removeArchiveFile(db: Db, id: string): Promise<void> {
  try {
    await db.query(
      `UPDATE perdure.archive_removals SET removing = true, due_at = clock_timestamp() WHERE archive_id = $1`,
      [id],
    );
    await db.archives?.remove(id);
    if (db.archives) await db.query(`DELETE FROM perdure.archive_removals WHERE archive_id = $1`, [id]);
  } catch {
    // Its row is still there.
  }
}
