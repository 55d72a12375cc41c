import { setImmediate } from 'node:timers/promises';
import type { Db, Tx } from '../../db/db.ts';
import { countErased, type ErasedCounts, type ErasureRef } from './erasures.ts';
import { FILE_TABLES, SUMMED_TABLES, userTables } from './user-tables.ts';

/** Rows that one transaction deletes at most, so that others have their turn between them. */
const ROWS_PER_PIECE = 1_000;

/** The user of sums that name nobody. No user is empty. */
const NOBODY = '';

/** Deletes a user's rows of one table in pieces, and counts them as `rows.TABLE`. */
export async function eraseTable(db: Db, { id, user }: ErasureRef, table: string, signal: AbortSignal): Promise<void> {
  // That of an archive is a file, which is removed first.
  const condition = table === 'archives' ? 'AND data IS NOT NULL' : '';
  for (let deleted = ROWS_PER_PIECE; deleted === ROWS_PER_PIECE;) {
    signal.throwIfAborted();
    deleted = await db.transaction(async (tx) => {
      const [gone] = await tx.query<{ rows: number }>(
        `WITH gone AS (
           DELETE FROM perdure."${table}"
            WHERE ctid = ANY (ARRAY(
                  SELECT ctid FROM perdure."${table}" WHERE user_id = $1 ${condition} LIMIT ${ROWS_PER_PIECE}))
           RETURNING 1)
         SELECT count(*)::integer AS rows FROM gone`,
        [user],
      );
      const rows = gone?.rows ?? 0;
      if (rows > 0) await countErased(tx, id, { [`rows.${table}`]: rows });
      return rows;
    });
    // The embedded store runs statements on one connection.
    await setImmediate();
  }
}

/**
 * Deletes a user's rows of every table but those that other steps have emptied before. Where a sum of the deployment would change,
 * it stays under no user.
 */
export async function eraseRows(db: Db, erasure: ErasureRef, signal: AbortSignal): Promise<void> {
  // Rows that others refer to are deleted after those.
  const last = ['attachment_references', 'attachments', 'sessions'];
  const tables = (await userTables(db)).filter((name) => !FILE_TABLES.includes(name));
  for (const table of [...tables.filter((name) => !last.includes(name)), ...last]) {
    if (SUMMED_TABLES.includes(table)) await eraseSums(db, erasure, table);
    else await eraseTable(db, erasure, table, signal);
  }
  await db.transaction((tx) => erasePositions(tx, erasure));
}

/** Adds a user's sums to those of nobody, and deletes them. */
async function eraseSums(db: Db, { id, user }: ErasureRef, table: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { keys, sums } = await columnsOf(tx, table);
    const names = [...keys, ...sums].map((name) => `"${name}"`).join(', ');
    const added = sums.map((name) => `"${name}" = t."${name}" + EXCLUDED."${name}"`).join(', ');
    await tx.query(
      `INSERT INTO perdure."${table}" AS t (user_id, ${names})
       SELECT $2, ${names} FROM perdure."${table}" WHERE user_id = $1
           ON CONFLICT (user_id, ${keys.map((name) => `"${name}"`).join(', ')}) DO UPDATE SET ${added}`,
      [user, NOBODY],
    );
    const gone = await tx.query(`DELETE FROM perdure."${table}" WHERE user_id = $1 RETURNING 1`, [user]);
    await countErased(tx, id, { [`rows.${table}`]: gone.length });
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

/** A pause of the user, and positions of upkeep and of clean-ups in the lists of all sessions, which may name a session of the user. They begin again. */
async function erasePositions(tx: Tx, { id, user }: ErasureRef): Promise<void> {
  const pauses = await tx.query(`DELETE FROM perdure.pauses WHERE kind = 'user' AND name = $1 RETURNING 1`, [user]);
  const sweeps = await tx.query(`UPDATE perdure.sweeps SET page = NULL WHERE ${namesUser('page')} RETURNING 1`, [user]);
  const leases = await tx.query(
    `UPDATE perdure.leases SET state =
            coalesce((SELECT jsonb_object_agg(s.key, s.value) FROM jsonb_each(state) s WHERE NOT ${namesUser('s.value')}), '{}')
      WHERE ${namesUser('state')} RETURNING 1`,
    [user],
  );
  await countErased(tx, id, { 'rows.pauses': pauses.length, 'rows.positions': sweeps.length + leases.length });
}

async function countPositions(tx: Tx, user: string): Promise<Record<string, number>> {
  const [row = { pauses: 0, positions: 0 }] = await tx.query<{ pauses: number; positions: number }>(
    `SELECT (SELECT count(*) FROM perdure.pauses WHERE kind = 'user' AND name = $1)::integer AS pauses,
            (SELECT count(*) FROM perdure.sweeps WHERE ${namesUser('page')})::integer
          + (SELECT count(*) FROM perdure.leases WHERE ${namesUser('state')})::integer AS positions`,
    [user],
  );
  return { 'rows.pauses': row.pauses, 'rows.positions': row.positions };
}

/** How many rows of the user are left, by table. Only tables that have any. */
export async function countUserRows(tx: Tx, user: string): Promise<ErasedCounts> {
  const counts: Record<string, number> = await countPositions(tx, user);
  for (const table of await userTables(tx)) {
    const [row] = await tx.query<{ rows: number }>(
      `SELECT count(*)::integer AS rows FROM perdure."${table}" WHERE user_id = $1`,
      [user],
    );
    counts[`rows.${table}`] = row?.rows ?? 0;
  }
  return Object.fromEntries(Object.entries(counts).filter(([, rows]) => rows > 0));
}
