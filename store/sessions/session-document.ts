import { setImmediate } from 'node:timers/promises';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { noSuchSession } from '../log/lock-session.ts';
import { SESSION_TABLES, type SessionTable } from '../rows/session-tables.ts';
import { columnsOf } from '../rows/table-columns.ts';

/** A session as JSON texts, so that nothing has to parse its rows. */
export interface SessionDocument {
  readonly id: string;
  readonly exportedAt: string;
  /** The row of `sessions`. */
  readonly session: string;
  /** A JSON array. */
  readonly agentVersions: string;
  /** The rows of each table, in pages: rows separated by commas. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
}

/** Rows of one statement. Pages grow while rows are small, so that no statement reads much. */
const FIRST_PAGE = 16;
const MAX_PAGE = 512;
const PAGE_CHARACTERS = 256 * 1024;

/** Columns about who executes the session here, which names a host. */
const OF_THIS_STORE: ReadonlySet<string> = new Set(['served_by', 'epoch', 'traceparent']);

/** Reads a session in pages. They are from one snapshot if the caller holds the session's lock, or checks its version. Throws `not_found` and `too_large`. */
export async function readDocument(tx: Tx, key: SessionKey): Promise<SessionDocument> {
  const size = { left: LIMITS.exportBytes.value };
  const exportedAt = new Date().toISOString();
  const [session] = await readRows(tx, key, { name: 'sessions', order: 'session_id' }, size);
  if (session === undefined) throw noSuchSession(key);
  const tables = new Map<string, readonly string[]>();
  for (const table of SESSION_TABLES) tables.set(table.name, await readRows(tx, key, table, size));
  const [versions] = await tx.query<{ text: string }>(AGENT_VERSIONS, [key.user, key.session]);
  return { id: key.session, exportedAt, session, agentVersions: versions?.text ?? '[]', tables };
}

/** The versions that the session's runs have pinned, and those that it was imported with. */
const AGENT_VERSIONS = `
  SELECT coalesce(json_agg(v ORDER BY v.hash), '[]')::text AS text
    FROM (SELECT hash, spec, tools FROM perdure.agent_versions
           WHERE hash IN (SELECT agent_version FROM perdure.runs WHERE user_id = $1 AND session_id = $2)
           UNION ALL
          SELECT hash, spec, tools FROM perdure.imported_agent_versions i
           WHERE user_id = $1 AND session_id = $2
             AND NOT EXISTS (SELECT 1 FROM perdure.agent_versions a WHERE a.hash = i.hash)) v`;

/** Returns the document as pieces of its JSON text. */
export function documentChunks({ id, exportedAt, session, agentVersions, tables }: SessionDocument): string[] {
  const head = { format: 'perdure.session', version: 2, exportedAt, id };
  const chunks = [
    `${JSON.stringify(head).slice(0, -1)},"session":${session},"agentVersions":${agentVersions},"tables":{`,
  ];
  let first = true;
  for (const [name, pages] of tables) {
    chunks.push(`${first ? '' : ','}${JSON.stringify(name)}:[`);
    for (const [index, page] of pages.entries()) chunks.push(index === 0 ? page : `,${page}`);
    chunks.push(']');
    first = false;
  }
  chunks.push('}}');
  return chunks;
}

/** Adds the JSON texts of attachments to a document. */
export function withAttachments(chunks: readonly string[], attachments: readonly string[]): string[] {
  const added = attachments.map((text, index) => (index === 0 ? text : `,${text}`));
  return [...chunks.slice(0, -1), '},"attachments":[', ...added, ']}'];
}

async function readRows(
  tx: Tx,
  key: SessionKey,
  { name, order, keyset }: SessionTable,
  size: { left: number },
): Promise<string[]> {
  const columns = (await columnsOf(tx, name)).filter((column) => !OF_THIS_STORE.has(column));
  const pages: string[] = [];
  let limit = FIRST_PAGE;
  for (let position = 0; ;) {
    // Names are from SESSION_TABLES and the catalog, never input. `to_json` instead of `to_jsonb` keeps the order of keys.
    const [page] = await tx.query<{ text: string | null; rows: number; last: number }>(
      `SELECT string_agg(to_json(p)::text, ',') AS text, count(*)::int AS rows,
              ${keyset === undefined ? '$3::int + count(*)::int' : `max(p.${keyset})`} AS last
         FROM (SELECT ${columns.join(', ')} FROM perdure.${name}
                WHERE user_id = $1 AND session_id = $2 ${keyset === undefined ? '' : `AND ${keyset} > $3::int`}
                ORDER BY ${order} LIMIT ${limit} ${keyset === undefined ? 'OFFSET $3::int' : ''}) p`,
      [key.user, key.session, position],
    );
    if (page === undefined || page.text === null) return pages;
    const { text, rows, last } = page;
    size.left -= Buffer.byteLength(text);
    if (size.left < 0) throw tooLarge(key);
    pages.push(text);
    if (rows < limit) return pages;
    position = last;
    const fitting = Math.floor((PAGE_CHARACTERS * rows) / text.length);
    limit = Math.max(1, Math.min(MAX_PAGE, 2 * limit, fitting));
    // The embedded store runs statements on this thread: others have their turn between them.
    await setImmediate();
  }
}

function tooLarge(key: SessionKey): PerdureError {
  return new PerdureError(
    'too_large',
    `The session ${JSON.stringify(key.session)} is larger than ${LIMITS.exportBytes.value} bytes as one document. Read its events page by page instead.`,
  );
}
