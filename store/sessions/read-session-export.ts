import type { SessionKey } from '../../contracts/session/session-key.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { readExportedAttachments } from '../attachments/carried-attachments.ts';
import type { Db, Tx } from '../db/db.ts';
import { noSuchSession } from '../log/lock-session.ts';
import { loadArchive } from './session-archive.ts';
import { documentChunks, readDocument, withAttachments, type SessionDocument } from './session-document.ts';

/** Reads of pages that a concurrent write may spoil, before one transaction reads them all. */
const MAX_OPTIMISTIC_READS = 3;

export interface ExportOptions {
  /** Whether the document contains the images and files of the messages. Default false. */
  readonly attachments?: boolean;
}

/**
 * Reads a session as one document, in pieces of its JSON text; the rows of an archived session come from its archive.
 * It holds no lock. Throws `not_found` and `too_large`.
 */
export async function readSessionExport(
  db: Db,
  key: SessionKey,
  options: ExportOptions = {},
): Promise<readonly string[]> {
  const chunks = await readRows(db, key);
  if (options.attachments !== true) return chunks;
  const left = LIMITS.exportBytes.value - chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0);
  return withAttachments(chunks, await readExportedAttachments(db, key, Math.max(0, left)));
}

async function readRows(db: Db, key: SessionKey): Promise<readonly string[]> {
  const { document, status } = await readSnapshot(db, key);
  if (status !== 'archived') return documentChunks(document);
  const archive = await loadArchive(db, key, []);
  // Restored meanwhile.
  if (archive === null) return readRows(db, key);
  const tables = archive.tables.map(({ name, chunks }): [string, readonly string[]] => [
    name,
    [...chunks.map((chunk) => chunk.slice(1, -1)), ...(name === 'events' ? ownEvents(document, archive.head) : [])],
  ]);
  const session = { ...(JSON.parse(document.session) as object), status: archive.status };
  return documentChunks({
    ...document,
    session: JSON.stringify(session),
    agentVersions: archive.agentVersions,
    tables: new Map(tables),
  });
}

/** The events since a session was archived. Others may be there too while another request restores it. */
function ownEvents({ tables }: SessionDocument, head: number): readonly string[] {
  const events = (tables.get('events') ?? []).flatMap((page) => JSON.parse(`[${page}]`) as { readonly seq: number }[]);
  const own = events.filter(({ seq }) => seq > head);
  return own.length === 0 ? [] : [own.map((event) => JSON.stringify(event)).join(',')];
}

interface Snapshot {
  readonly document: SessionDocument;
  readonly status: string;
}

/** Reads the pages without a transaction and repeats that if the session has changed meanwhile; a transaction would stop everybody on an embedded store. */
async function readSnapshot(db: Db, key: SessionKey): Promise<Snapshot> {
  for (let read = 0; read < MAX_OPTIMISTIC_READS; read += 1) {
    const before = await readVersion(db, key);
    const document = await readDocument(db, key);
    if ((await readVersion(db, key)).version === before.version) return { document, status: before.status };
  }
  return await db.transaction(async (tx) => {
    await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', []);
    const { status } = await readVersion(tx, key);
    return { document: await readDocument(tx, key), status };
  });
}

/** Every write to a session saves its row. */
async function readVersion(tx: Tx, key: SessionKey): Promise<{ readonly version: string; readonly status: string }> {
  const [found] = await tx.query<{ version: string; status: string }>(
    `SELECT xmin::text AS version, status FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  if (found === undefined) throw noSuchSession(key);
  return found;
}
