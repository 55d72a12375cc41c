import { setImmediate } from 'node:timers/promises';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { TableChunks } from '../documents/row-chunks.ts';
import type { Db, Tx } from '../db/db.ts';
import { renewClaim } from './row-claims.ts';
import { SESSION_TABLES } from './session-tables.ts';
import { columnsOf } from './table-columns.ts';

/** The rows of a session outside `sessions`, as JSON texts. */
export interface DocumentRows {
  /** A JSON array. */
  readonly agentVersions: string;
  readonly tables: readonly TableChunks[];
}

/** What one transaction inserts at most; a chunk that is larger has a transaction of its own. */
const PIECE_CHARACTERS = 128 * 1024;

type Insert = (tx: Tx) => Promise<void>;

/**
 * Inserts a document's rows under a claim of `holder`, in one transaction after the other, so that others have their turn
 * between them: the embedded store has a single connection. Existing rows stay unchanged. Agent versions that this
 * installation does not have stay with the session; runs never read them. `onError` sees errors as the database reports
 * them, and throws.
 */
export async function insertRows(
  db: Db,
  key: SessionKey,
  holder: string,
  { agentVersions, tables }: DocumentRows,
  onError?: (error: unknown) => never,
): Promise<void> {
  let piece: Insert[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const inserts = piece;
    piece = [];
    size = 0;
    const insert = async (tx: Tx): Promise<void> => {
      for (const each of inserts) await each(tx);
    };
    await db.transaction(async (tx) => {
      await renewClaim(tx, key, holder);
      await (onError ? insert(tx).catch(onError) : insert(tx));
    });
    // The embedded store runs statements on this thread.
    await setImmediate();
  };
  const add = async (characters: number, insert: Insert): Promise<void> => {
    if (piece.length > 0 && size + characters > PIECE_CHARACTERS) await flush();
    piece.push(insert);
    size += characters;
  };
  for (const { name } of SESSION_TABLES) {
    const table = tables.find((given) => given.name === name);
    if (table === undefined || table.chunks.length === 0) continue;
    const columns = (await columnsOf(db, name)).filter((column) => table.columns.includes(column));
    for (const chunk of table.chunks)
      await add(chunk.length, async (tx) => await insertChunk(tx, key, name, columns, chunk));
  }
  await add(agentVersions.length, async (tx) => await insertVersions(tx, key, agentVersions));
  await flush();
}

async function insertVersions(tx: Tx, key: SessionKey, agentVersions: string): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.imported_agent_versions (user_id, session_id, hash, spec, tools)
     SELECT $1, $2, i.hash, i.spec, i.tools
       FROM json_populate_recordset(NULL::perdure.imported_agent_versions, $3::json) i
      WHERE NOT EXISTS (SELECT 1 FROM perdure.agent_versions v WHERE v.hash = i.hash)
     ON CONFLICT DO NOTHING`,
    [key.user, key.session, agentVersions],
  );
}

/** Columns whose values are not copied. */
const VALUES: Readonly<Record<string, string>> = {
  // `json_populate_recordset` turns a JSON null into an SQL NULL; as the arguments of a tool call it is a value.
  arguments: `coalesce(i.arguments, 'null')`,
  // Reservations stay charged where the session was exported.
  held_nanos: '0',
  held_tokens: '0',
};

async function insertChunk(
  tx: Tx,
  key: SessionKey,
  table: string,
  columns: readonly string[],
  rows: string,
): Promise<void> {
  const values = columns.map((name) => VALUES[name] ?? `i.${name}`);
  await tx.query(
    `INSERT INTO perdure.${table} (user_id, session_id, ${columns.join(', ')})
     SELECT $1, $2, ${values.join(', ')} FROM json_populate_recordset(NULL::perdure.${table}, $3::json) i
     ON CONFLICT DO NOTHING`,
    [key.user, key.session, rows],
  );
}
