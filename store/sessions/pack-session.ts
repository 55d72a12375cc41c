import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { v7 as uuidv7 } from 'uuid';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { versionOf, type LockedSession } from '../log/lock-session.ts';
import { adoptArchiveFile, planArchiveFile, removeArchiveFile } from '../db/archive-files.ts';
import { documentChunks, readDocument } from './session-document.ts';

/** A session as a compressed document, read before the transaction that archives it. */
export interface PackedSession {
  /** The version of the session that was read: see {@link LockedSession}. */
  readonly version: string;
  readonly id: string;
  readonly exportedAt: string;
  /** Before compression. */
  readonly bytes: number;
  /** Null if it was written to a file. */
  readonly data: Buffer | null;
}

/** `missing`: not read yet. `read now`: the session changes so often that the transaction has to read it. */
export type PackedSource = PackedSession | 'missing' | 'read now';

/** Rolls a transaction back that needs a document which was not read before it began, or is outdated. */
class DocumentRequired extends Error {}

/** Reads before the transaction reads the session itself. */
const MAX_READS = 3;

/**
 * Runs `work`, which calls {@link saveArchive} in its transaction. The session is read and compressed before that
 * transaction begins, in statements of bounded size, since it may take seconds: where the document is missing or outdated,
 * `work` runs again.
 */
export async function withPackedSession<T>(
  db: Db,
  key: SessionKey,
  work: (source: PackedSource) => Promise<T>,
): Promise<T> {
  let source: PackedSource = 'missing';
  for (let reads = 0; ; reads += 1) {
    try {
      return await work(source);
    } catch (error) {
      if (!(error instanceof DocumentRequired)) throw error;
      if (typeof source === 'object' && source.data === null) await removeArchiveFile(db, source.id);
    }
    source = reads < MAX_READS ? ((await packSession(db, db, key)) ?? 'missing') : 'read now';
  }
}

/**
 * Saves the document of a session whose lock the transaction holds, as a file if the store has an archive folder, otherwise
 * in the table. If the transaction rolls back, upkeep removes the file. Call it inside
 * {@link withPackedSession}, before anything else writes to the session. Throws `too_large`.
 */
export async function saveArchive(db: Db, tx: Tx, session: LockedSession, source: PackedSource): Promise<void> {
  const { key, version } = session;
  const packed = source === 'read now' ? await packSession(db, tx, key) : source;
  if (packed === null || packed === 'missing' || (source !== 'read now' && packed.version !== version))
    throw new DocumentRequired('The session has to be read first.');
  const { id, exportedAt, bytes, data } = packed;
  if (data === null && !(await adoptArchiveFile(tx, id)))
    throw new DocumentRequired('The file of the session has been removed meanwhile.');
  await tx.query(
    `INSERT INTO perdure.archives (user_id, session_id, archive_id, archived_at, bytes, data)
     VALUES ($1, $2, $3, $4, $5, decode($6, 'base64'))`,
    [key.user, key.session, id, exportedAt, bytes, data?.toString('base64') ?? null],
  );
}

/** Null when there is no such session. */
async function packSession(db: Db, tx: Tx, key: SessionKey): Promise<PackedSession | null> {
  const [found] = await tx.query<{ version: string }>(
    `SELECT ${versionOf('s')} AS version FROM perdure.sessions s WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  if (found === undefined) return null;
  const document = await readDocument(tx, key);
  const chunks = documentChunks(document);
  const bytes = chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0);
  const data = await buffer(Readable.from(chunks, { objectMode: true }).pipe(createGzip()));
  const id = uuidv7();
  if (db.archives) {
    await planArchiveFile(tx, key, id);
    await db.archives.write(id, data);
  }
  return { version: found.version, id, exportedAt: document.exportedAt, bytes, data: db.archives ? null : data };
}
