import type { Db, Tx } from '../db/db.ts';
import { buildIndex } from './build-index.ts';
import { inRange, statementsOf, type Migration, type MigrationPart } from './read-migrations.ts';
import { withLockLimit, type LockLimit } from './with-lock-limit.ts';

/** Sessions in one batch. Their rows are locked until it is committed. */
const BATCH = 250;

export interface PartOptions extends LockLimit {
  /** Sessions in one batch. Default 250. For tests. */
  readonly batch?: number | undefined;
}

/**
 * Applies a migration to a store that others use. `applied` has the names of what is applied: a migration under its own name, and
 * of one that was interrupted each part under that name with `#` and the number of the part. A part is recorded in the transaction that
 * ends it, and a batch with the range that follows, so that each takes effect once.
 *
 * @param lock Keeps out older versions, whose migrations take this lock in their transactions.
 */
export async function applyInParts(
  db: Db,
  { name, parts }: Migration,
  applied: ReadonlySet<string>,
  lock: (tx: Tx) => Promise<void>,
  options: PartOptions,
): Promise<void> {
  for (const [index, part] of parts.entries()) {
    const mark = `${name}#${index + 1}`;
    if (applied.has(mark)) continue;
    const inTransaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      await withLockLimit(db, name, options, async (tx) => {
        await lock(tx);
        return await work(tx);
      });
    const end = async (tx: Tx): Promise<void> => await record(tx, name, index + 1 === parts.length ? null : mark);
    if (part.kind === 'transaction') {
      await inTransaction(async (tx) => {
        await tx.query(part.sql);
        await end(tx);
      });
      continue;
    }
    if (part.kind === 'concurrently') for (const statement of statementsOf(part.sql)) await buildIndex(db, statement);
    else await applyInBatches(part, mark, inTransaction, options.batch ?? BATCH);
    await inTransaction(end);
  }
}

/** Executes the statements once for each range of sessions, in the order of their keys. */
async function applyInBatches(
  { sql }: MigrationPart,
  mark: string,
  inTransaction: (work: (tx: Tx) => Promise<boolean>) => Promise<boolean>,
  batch: number,
): Promise<void> {
  const statements = statementsOf(sql).map(inRange);
  while (await inTransaction(async (tx) => await applyBatch(tx, statements, mark, batch)));
}

/** Executes the statements for the range after the one that is recorded. Returns whether there was one. */
async function applyBatch(tx: Tx, statements: readonly string[], mark: string, batch: number): Promise<boolean> {
  const [begun] = await tx.query<{ progress: [string, string] }>(
    `SELECT progress FROM perdure.migrations WHERE name = $1`,
    [mark],
  );
  const after = begun?.progress ?? ['', ''];
  // Whoever writes rows of a session locks the session's first.
  const range = await tx.query<{ user_id: string; session_id: string }>(
    `SELECT user_id, session_id FROM perdure.sessions WHERE (user_id, session_id) > ($1, $2)
      ORDER BY user_id, session_id LIMIT $3 FOR UPDATE`,
    [...after, batch],
  );
  const last = range.at(-1);
  if (last === undefined) return false;
  const to = [last.user_id, last.session_id];
  // A range has few rows, which the statistics of a table whose rows are being changed do not show.
  await tx.query('SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan');
  for (const statement of statements) await tx.query(statement, [...after, ...to]);
  await tx.query(
    `INSERT INTO perdure.migrations (name, progress) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET progress = EXCLUDED.progress`,
    [mark, JSON.stringify(to)],
  );
  return true;
}

/** Records a part as applied, or, without `mark`, the migration, whose parts need no record then. */
async function record(tx: Tx, name: string, mark: string | null): Promise<void> {
  await tx.query(`INSERT INTO perdure.migrations (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET progress = NULL`, [
    mark ?? name,
  ]);
  if (mark === null) await tx.query(`DELETE FROM perdure.migrations WHERE starts_with(name, $1)`, [`${name}#`]);
}
