import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite, types, type ParserOptions } from '@electric-sql/pglite';
import type { Db, Tx } from './db.ts';
import { clusterTemplate, ensureCluster } from './cluster-template.ts';
import { preparedStatements } from './pglite-statements.ts';
import { serialQueue } from './serial-queue.ts';
import { retryingConflicts, storeFailure } from './store-failure.ts';

const PARSERS: ParserOptions = { [types.TIMESTAMPTZ]: (text: string) => new Date(text).toISOString() };

/**
 * The embedded store: `memory://`, or the path of a folder, which one process at a time may open.
 * What was committed survives a killed process. It runs in the thread that opens it.
 */
export async function openPglite(path: string): Promise<Db> {
  const pglite = await open(path);
  // The embedded store has no statistics that a plan for one statement's parameters could use, and planning takes time.
  await pglite.exec('SET plan_cache_mode = force_generic_plan');
  // There is one connection, so transactions and single statements take turns.
  const inTurn = serialQueue();
  const prepared = preparedStatements(pglite, PARSERS);
  const tx: Tx = {
    query: async <R extends object>(sql: string, params?: readonly unknown[]) => {
      if (params !== undefined) return await prepared<R>(sql, params);
      return ((await pglite.exec(sql)).at(-1)?.rows ?? []) as R[];
    },
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await inTurn(work);
    } catch (error) {
      throw storeFailure(error, '(embedded PostgreSQL)');
    }
  };
  return {
    kind: 'pglite',
    query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      await guarded(async () => await tx.query<R>(sql, params)),
    transaction: async (work) =>
      await guarded(async () => await retryingConflicts(async () => await inTransaction(tx, work))),
    close: async () => {
      await inTurn(async () => {
        if (!pglite.closed) await pglite.close();
      });
    },
  };
}

async function open(path: string): Promise<PGlite> {
  const options = { relaxedDurability: false, parsers: PARSERS };
  if (path.includes('://')) return PGlite.create({ ...options, dataDir: path, loadDataDir: await clusterTemplate() });
  await mkdir(dirname(path), { recursive: true });
  await ensureCluster(path);
  return PGlite.create({ ...options, dataDir: path });
}

async function inTransaction<T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
  await tx.query('BEGIN', []);
  try {
    const result = await work(tx);
    await tx.query('COMMIT', []);
    return result;
  } catch (error) {
    await tx.query('ROLLBACK', []);
    throw error;
  }
}
