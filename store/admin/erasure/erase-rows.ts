import { setImmediate } from 'node:timers/promises';
import type { Db, Tx } from '../../db/db.ts';
import type { ErasedCounts } from './erasures.ts';
import { SUMMED_TABLES, userTables } from './user-tables.ts';

/** Rows that one transaction deletes at most, so that others have their turn between them. */
const ROWS_PER_PIECE = 1_000;

/** The user of sums that name nobody. No user is empty. */
const NOBODY = '';

/** Deletes a user's rows of one table in pieces. Returns how many there were. */
export async function eraseTable(db: Db, user: string, table: string, signal?: AbortSignal): Promise<number> {
  let total = 0;
  for (let deleted = ROWS_PER_PIECE; deleted === ROWS_PER_PIECE; total += deleted) {
    signal?.throwIfAborted();
    const rows = await db.query(
      `DELETE FROM perdure."${table}"
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM perdure."${table}" WHERE user_id = $1 LIMIT ${ROWS_PER_PIECE}))
       RETURNING 1`,
      [user],
    );
    deleted = rows.length;
    // The embedded store runs statements on one connection.
    await setImmediate();
  }
  return total;
}

/**
 * Deletes a user's rows of every table but those that other steps have emptied before. Where a sum of the deployment would change,
 * it stays under no user.
 */
export async function eraseRows(db: Db, user: string, signal: AbortSignal): Promise<ErasedCounts> {
  const counts: Record<string, number> = {};
  // Rows that others refer to are deleted after those.
  const last = ['attachment_references', 'attachments', 'attachment_contents', 'sessions'];
  const tables = await userTables(db);
  for (const table of [...tables.filter((name) => !last.includes(name)), ...last]) {
    const summed = SUMMED_TABLES.includes(table);
    const rows = summed ? await eraseSums(db, user, table) : await eraseTable(db, user, table, signal);
    if (rows > 0) counts[`rows.${table}`] = rows;
  }
  const positions = await erasePositions(db, user);
  if (positions > 0) counts['rows.positions'] = positions;
  return counts;
}

/** Adds a user's sums to those of nobody, and deletes them. */
async function eraseSums(db: Db, user: string, table: string): Promise<number> {
  return await db.transaction(async (tx) => {
    const { keys, sums } = await columnsOf(tx, table);
    const names = [...keys, ...sums].map((name) => `"${name}"`).join(', ');
    const added = sums.map((name) => `"${name}" = t."${name}" + EXCLUDED."${name}"`).join(', ');
    await tx.query(
      `INSERT INTO perdure."${table}" AS t (user_id, ${names})
       SELECT $2, ${names} FROM perdure."${table}" WHERE user_id = $1
           ON CONFLICT (user_id, ${keys.map((name) => `"${name}"`).join(', ')}) DO UPDATE SET ${added}`,
      [user, NOBODY],
    );
    return (await tx.query(`DELETE FROM perdure."${table}" WHERE user_id = $1 RETURNING 1`, [user])).length;
  });
}

/** The columns of the primary key without the user, and all others. */
async function columnsOf(tx: Tx, table: string): Promise<{ keys: string[]; sums: string[] }> {
  const rows = await tx.query<{ name: string; isKey: boolean }>(
    `SELECT a.attname AS name, a.attnum = ANY (i.indkey) AS "isKey"
       FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE i.indrelid = ('perdure.' || $1::text)::regclass AND i.indisprimary AND a.attname <> 'user_id'
      ORDER BY a.attnum`,
    [table],
  );
  const named = (isKey: boolean) => rows.filter((row) => row.isKey === isKey).map(({ name }) => name);
  return { keys: named(true), sums: named(false) };
}

/** Which JSON names the user, as SQL. */
const namesUser = (json: string): string =>
  `jsonb_path_exists(${json}, '$.** ? (@ == $user)', jsonb_build_object('user', $1::text))`;

/** Positions of upkeep and of clean-ups in the lists of all sessions, which may name a session of the user. They begin again. */
async function erasePositions(db: Db, user: string): Promise<number> {
  const sweeps = await db.query(`UPDATE perdure.sweeps SET page = NULL WHERE ${namesUser('page')} RETURNING 1`, [user]);
  const leases = await db.query(
    `UPDATE perdure.leases SET state =
            coalesce((SELECT jsonb_object_agg(s.key, s.value) FROM jsonb_each(state) s WHERE NOT ${namesUser('s.value')}), '{}')
      WHERE ${namesUser('state')} RETURNING 1`,
    [user],
  );
  return sweeps.length + leases.length;
}

async function countPositions(tx: Tx, user: string): Promise<number> {
  const [row] = await tx.query<{ rows: number }>(
    `SELECT (SELECT count(*) FROM perdure.sweeps WHERE ${namesUser('page')})::integer
          + (SELECT count(*) FROM perdure.leases WHERE ${namesUser('state')})::integer AS rows`,
    [user],
  );
  return row?.rows ?? 0;
}

/** How many rows of the user are left, by table. Only tables that have any. */
export async function countUserRows(tx: Tx, user: string): Promise<ErasedCounts> {
  const counts: Record<string, number> = {};
  for (const table of await userTables(tx)) {
    const [row] = await tx.query<{ rows: number }>(
      `SELECT count(*)::integer AS rows FROM perdure."${table}" WHERE user_id = $1`,
      [user],
    );
    if (row && row.rows > 0) counts[`rows.${table}`] = row.rows;
  }
  const positions = await countPositions(tx, user);
  if (positions > 0) counts['rows.positions'] = positions;
  return counts;
}
