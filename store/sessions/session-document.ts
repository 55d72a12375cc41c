import { PerdureError } from '../../contracts/errors.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionExport } from '../../contracts/session/session-export.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { SESSION_TABLES } from './session-tables.ts';
import { sanitizeJson } from '../db/sanitize.ts';

type Rows = SessionExport['tables'][string];

const PAGE = 1_000;

/** Reads a session whose lock the transaction holds as one document. Throws `too_large`. */
export async function readDocument(tx: Tx, { key, at }: LockedSession): Promise<SessionExport> {
  const size = { bytes: 0 };
  const [session] = await readRows(tx, key, 'sessions', 'session_id', size);
  const tables: Record<string, Rows> = {};
  for (const { name, order } of SESSION_TABLES) tables[name] = await readRows(tx, key, name, order, size);
  const agentVersions = await tx.query<SessionExport['agentVersions'][number]>(
    `SELECT hash, spec, tools FROM perdure.agent_versions
      WHERE hash IN (SELECT agent_version FROM perdure.runs WHERE user_id = $1 AND session_id = $2)
      ORDER BY hash`,
    [key.user, key.session],
  );
  return {
    format: 'perdure.session',
    version: 2,
    exportedAt: at,
    id: key.session,
    session: session as SessionExport['session'],
    agentVersions,
    tables,
  };
}

async function readRows(tx: Tx, key: SessionKey, table: string, order: string, size: { bytes: number }): Promise<Rows> {
  const rows: Rows = [];
  for (let more = true; more;) {
    // `table` is from SESSION_TABLES, never input. `to_json` instead of `to_jsonb` keeps the order of keys.
    const page = await tx.query<{ row: string }>(
      `SELECT to_json(t)::text AS row FROM perdure.${table} t
        WHERE t.user_id = $1 AND t.session_id = $2 ORDER BY ${order} LIMIT ${PAGE} OFFSET $3`,
      [key.user, key.session, rows.length],
    );
    for (const { row } of page) {
      size.bytes += Buffer.byteLength(row);
      const { user_id: _user, session_id: _session, ...columns } = JSON.parse(row) as Record<string, Json>;
      rows.push(columns);
    }
    if (size.bytes > LIMITS.exportBytes.value) throw tooLarge(key, LIMITS.exportBytes.value);
    more = page.length === PAGE;
  }
  return rows;
}

/** Inserts the rows of a document's tables for a session whose lock the transaction holds. Existing rows stay unchanged. */
export async function writeTables(tx: Tx, key: SessionKey, tables: SessionExport['tables']): Promise<void> {
  for (const { name } of SESSION_TABLES) {
    const rows = tables[name] ?? [];
    const columns = await columnsOf(tx, name, rows[0]);
    for (let n = 0; n < rows.length; n += PAGE) {
      await insertRows(tx, key, name, columns, rows.slice(n, n + PAGE));
    }
  }
}

/** Columns whose values are not copied. */
const VALUES: Readonly<Record<string, string>> = {
  // `json_populate_recordset` turns a JSON null into an SQL NULL; as the arguments of a tool call it is a value.
  arguments: `coalesce(i.arguments, 'null')`,
  // Reservations stay charged where the session was exported.
  held_nanos: '0',
  held_tokens: '0',
};

async function insertRows(
  tx: Tx,
  key: SessionKey,
  table: string,
  columns: readonly string[],
  rows: Rows,
): Promise<void> {
  const values = columns.map((name) => VALUES[name] ?? `i.${name}`);
  await tx.query(
    `INSERT INTO perdure.${table} (user_id, session_id, ${columns.join(', ')})
     SELECT $1, $2, ${values.join(', ')} FROM json_populate_recordset(NULL::perdure.${table}, $3::json) i
     ON CONFLICT DO NOTHING`,
    [key.user, key.session, sanitizeJson(rows).text],
  );
}

/** Returns the columns that both the table and the row have, by the table's own names, so that no name from the document reaches SQL. */
export async function columnsOf(tx: Tx, table: string, row: Rows[number] | undefined): Promise<string[]> {
  if (row === undefined) return [];
  const columns = await tx.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [`perdure.${table}`],
  );
  return columns.map(({ name }) => name).filter((name) => name in row && name !== 'user_id' && name !== 'session_id');
}

function tooLarge(key: SessionKey, limit: number): PerdureError {
  return new PerdureError(
    'too_large',
    `The session ${JSON.stringify(key.session)} is larger than ${limit} bytes as one document. Read its events page by page instead.`,
  );
}
