import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { v7 as uuidv7 } from 'uuid';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionExportSchema, type SessionExport } from '../../contracts/session/session-export.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

interface ArchiveRow {
  readonly archive_id: string;
  /** Base64; null when the archive is a file. */
  readonly data: string | null;
}

/** Saves a document, compressed, as a file if the store has an archive folder, otherwise in the table. If the transaction rolls back, the file stays without a row and is never read. */
export async function saveArchive(
  db: Db,
  tx: Tx,
  key: SessionKey,
  document: SessionExport,
): Promise<{ readonly bytes: number }> {
  const text = JSON.stringify(document);
  const bytes = Buffer.byteLength(text);
  const data = await compress(text);
  const id = uuidv7();
  if (db.archives) await db.archives.write(id, data);
  await tx.query(
    `INSERT INTO perdure.archives (user_id, session_id, archive_id, archived_at, bytes, data)
     VALUES ($1, $2, $3, $4, $5, decode($6, 'base64'))`,
    [key.user, key.session, id, document.exportedAt, bytes, db.archives ? null : data.toString('base64')],
  );
  return { bytes };
}

/** Reads the document of an archived session. Throws `store_unavailable` when its file cannot be read. */
export async function readArchive(db: Db, tx: Tx, key: SessionKey): Promise<SessionExport> {
  const [row] = await tx.query<ArchiveRow>(
    `SELECT archive_id, encode(data, 'base64') AS data FROM perdure.archives WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  if (!row) throw new Error(`The session is archived and has no archive.`);
  const data = row.data === null ? await readFile(db, row.archive_id) : Buffer.from(row.data, 'base64');
  const text = await decompress(data, { maxOutputLength: 2 * LIMITS.exportBytes.value });
  return sessionExportSchema.parse(JSON.parse(text.toString('utf8')));
}

/** Deletes a session's archive, if it has one. Returns a function that removes its file, to be called after the commit. */
export async function deleteArchive(db: Db, tx: Tx, key: SessionKey): Promise<() => Promise<void>> {
  const dropped = await tx.query<{ archive_id: string; filed: boolean }>(
    `DELETE FROM perdure.archives WHERE user_id = $1 AND session_id = $2 RETURNING archive_id, data IS NULL AS filed`,
    [key.user, key.session],
  );
  return async () => {
    // A file that cannot be removed has no row any more and is never read.
    for (const { archive_id, filed } of dropped) if (filed) await db.archives?.remove(archive_id).catch(() => {});
  };
}

async function readFile(db: Db, id: string): Promise<Buffer> {
  if (db.archives) return await db.archives.read(id);
  throw new PerdureError(
    'store_unavailable',
    `The archive ${id} is a file, but no archive folder is configured. Set PERDURE_ARCHIVES to the folder that contains it.`,
  );
}
