import { Client } from 'pg';
import type { Db, Tx } from '../../../store/db/db.ts';

/** What a transaction did to a table that others may use. */
export interface TableUse {
  readonly table: string;
  /** Whether it holds a lock for which readers or writers of the table wait. */
  readonly blocks: boolean;
  /** Whether it is of operators, of processes or of sums, and so has few rows. */
  readonly isSmall: boolean;
  /** Scans of the table or its indexes. */
  readonly scans: number;
  /** Rows that it changed. Their writers wait. */
  readonly changed: number;
}

export interface Observed {
  readonly db: Db;
  /** The uses of each committed transaction of {@link db}, in order. */
  readonly transactions: (readonly TableUse[])[];
  /** The statements outside of transactions. */
  readonly statements: string[];
  close(): Promise<void>;
}

const SMALL = ['audit', 'sweeps', 'usage_days', 'run_stats', 'workers'];

const COUNTERS = `
  SELECT relname AS table, coalesce(seq_scan, 0)::int + coalesce(idx_scan, 0)::int AS scans,
         (n_tup_upd + n_tup_del)::int AS changed
    FROM pg_stat_xact_user_tables WHERE schemaname = 'perdure'`;
const BLOCKED = `
  SELECT c.relname AS table FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
   WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relnamespace = to_regnamespace('perdure')
     AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`;
const COMMITTED = `
  SELECT table_name AS table FROM information_schema.tables WHERE table_schema = 'perdure' AND table_name <> 'migrations'`;

/** Records what the transactions of a store on PostgreSQL lock and go through. */
export async function observe(db: Db, url: string): Promise<Observed> {
  const others = new Client({ connectionString: url });
  await others.connect();
  const transactions: (readonly TableUse[])[] = [];
  const statements: string[] = [];
  const usesOf = async (tx: Tx, before: readonly Counters[]): Promise<readonly TableUse[]> => {
    // What this transaction has created itself, nobody else uses.
    const { rows } = await others.query<{ table: string }>(COMMITTED);
    const after = await tx.query<Counters>(COUNTERS);
    const blocked = new Set((await tx.query<{ table: string }>(BLOCKED)).map(({ table }) => table));
    return rows.map(({ table }) => {
      const [from, to] = [before, after].map((all) => all.find((one) => one.table === table));
      return {
        table,
        blocks: blocked.has(table),
        isSmall: SMALL.includes(table),
        scans: (to?.scans ?? 0) - (from?.scans ?? 0),
        changed: (to?.changed ?? 0) - (from?.changed ?? 0),
      };
    });
  };
  return {
    transactions,
    statements,
    db: {
      ...db,
      async query(sql, params) {
        statements.push(sql);
        return await db.query(sql, params);
      },
      async transaction(work) {
        return await db.transaction(async (tx) => {
          const before = await tx.query<Counters>(COUNTERS);
          const result = await work(tx);
          transactions.push(await usesOf(tx, before));
          return result;
        });
      },
    },
    close: async () => await others.end(),
  };
}

interface Counters {
  readonly table: string;
  readonly scans: number;
  readonly changed: number;
}
