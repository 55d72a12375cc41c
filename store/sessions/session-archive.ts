import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { documents } from '../documents/document-process.ts';
import type { UnpackedArchive } from '../documents/unpack-archive.ts';
import { lockSession } from '../log/lock-session.ts';
import { releaseArchiveFile, removeArchiveFile } from '../db/archive-files.ts';
import { deleteAbandonedRows, deleteClaimedRows } from '../rows/delete-rows.ts';
import { insertRows } from '../rows/insert-rows.ts';
import { claimRows, releaseClaim, rowsClaimed } from '../rows/row-claims.ts';

/** An archive whose rows were inserted before the transaction that restores the session. */
export interface LoadedArchive extends UnpackedArchive {
  readonly id: string;
  /** Who has claimed the rows. */
  readonly holder: string;
}

/** Rolls a transaction back that needs an archive which was not loaded before it began: see {@link withArchive}. */
class ArchiveRequired extends Error {}

/** Reading an archive again this often means that something else goes wrong. */
const MAX_LOADS = 5;

/** How long to wait for another request that restores the same session, and how often to look. */
const MAX_WAIT_MS = 10_000;
const LOOK_MS = 25;

/** Reads the archive of a session, with the rows of the given messages; null when it is not archived. Throws `store_unavailable` when its file cannot be read. */
export async function loadArchive(
  db: Db,
  key: SessionKey,
  messageIds: readonly string[],
): Promise<(UnpackedArchive & { readonly id: string }) | null> {
  const [row] = await db.query<{ archive_id: string; data: string | null }>(
    `SELECT archive_id, encode(data, 'base64') AS data FROM perdure.archives WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  if (!row) return null;
  const data = row.data === null ? await readFile(db, row.archive_id) : Buffer.from(row.data, 'base64');
  return { id: row.archive_id, ...(await documents.unpackArchive({ data, messageIds })) };
}

/**
 * Runs `work`, which calls {@link requireArchive} in its transaction. The archive is read and its rows are inserted before the
 * transaction that needs it begins, since that may take seconds: where it is missing or has changed, `work` runs again.
 * Rows of a session that `work` did not restore are deleted again. Throws `store_unavailable` while another request restores
 * the session for too long.
 */
export async function withArchive<T>(
  db: Db,
  key: SessionKey,
  messageIds: readonly string[],
  work: (archive: LoadedArchive | null) => Promise<T>,
): Promise<T> {
  let archive: LoadedArchive | null = null;
  for (let loads = 0; ; loads += 1) {
    try {
      return await work(archive);
    } catch (error) {
      if (!(error instanceof ArchiveRequired) || loads === MAX_LOADS) throw error;
    } finally {
      // Fails when the claim was released by the restoration, or taken over. Where it fails otherwise, upkeep deletes them.
      if (archive !== null) await deleteClaimedRows(db, key, archive.holder).catch(() => {});
    }
    archive = await insertArchive(db, key, messageIds);
  }
}

/** Inserts the rows of the archive under a claim. Null when the session is not archived (any more). */
async function insertArchive(db: Db, key: SessionKey, messageIds: readonly string[]): Promise<LoadedArchive | null> {
  const archive = await loadArchive(db, key, messageIds);
  if (archive === null) return null;
  const holder = uuidv7();
  if (!(await claimArchived(db, key, archive.id, holder))) return null;
  try {
    await insertRows(db, key, holder, archive);
  } catch (error) {
    await deleteClaimedRows(db, key, holder).catch(() => {});
    throw error;
  }
  return { ...archive, holder };
}

/** Waits until nobody else claims the rows. Returns false when the session does not have this archive any more. */
async function claimArchived(db: Db, key: SessionKey, id: string, holder: string): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const claim = await db.transaction(async (tx) => {
      await lockSession(tx, key);
      return (await archiveIdOf(tx, key)) === id ? ((await claimRows(tx, key, holder)) ?? 'taken') : null;
    });
    if (claim === null) return false;
    if (claim !== 'taken') {
      if (claim.abandoned) await deleteAbandonedRows(db, key, holder);
      return true;
    }
    if (waitedMs >= MAX_WAIT_MS) throw rowsClaimed(key);
    await delay(LOOK_MS);
  }
}

/** Returns the loaded archive of a session whose lock the transaction holds, if it is the current one; rolls back otherwise. */
export async function requireArchive(tx: Tx, key: SessionKey, archive: LoadedArchive | null): Promise<LoadedArchive> {
  if (archive !== null && (await archiveIdOf(tx, key)) === archive.id) return archive;
  throw new ArchiveRequired('The archive of the session has to be read first.');
}

/** Makes the rows of a loaded archive part of the session, whose lock the transaction holds; rolls back if they are not there any more. */
export async function adoptRows(tx: Tx, key: SessionKey, { holder }: LoadedArchive): Promise<void> {
  if (!(await releaseClaim(tx, key, holder)))
    throw new ArchiveRequired('The archive of the session has to be read again.');
}

async function archiveIdOf(tx: Tx, key: SessionKey): Promise<string | null> {
  const [row] = await tx.query<{ archive_id: string }>(
    `SELECT archive_id FROM perdure.archives WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  return row?.archive_id ?? null;
}

/** Deletes a session's archive, if it has one. Returns a function that removes its file, to be called after the commit. */
export async function deleteArchive(db: Db, tx: Tx, key: SessionKey): Promise<() => Promise<void>> {
  const dropped = await tx.query<{ id: string; filed: boolean }>(
    `DELETE FROM perdure.archives WHERE user_id = $1 AND session_id = $2 RETURNING archive_id AS id, data IS NULL AS filed`,
    [key.user, key.session],
  );
  const files = dropped.filter(({ filed }) => filed);
  for (const { id } of files) await releaseArchiveFile(tx, key, id);
  return async () => {
    for (const { id } of files) await removeArchiveFile(db, id);
  };
}

async function readFile(db: Db, id: string): Promise<Buffer> {
  if (db.archives) return await db.archives.read(id);
  throw new PerdureError(
    'store_unavailable',
    `The archive ${id} is a file, but no archive folder is configured. Set PERDURE_ARCHIVES to the folder that contains it.`,
  );
}
