import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite, types, type ParserOptions } from '@electric-sql/pglite';
import { Mutex } from 'async-mutex';
import type { Db, Tx } from './db.ts';
import { clusterTemplate, ensureCluster } from './cluster-template.ts';
import { preparedStatements } from './pglite-statements.ts';

import { retryConflicts, storeFailure } from './store-failure.ts';

const PARSERS: ParserOptions = { [types.TIMESTAMPTZ]: (text: string) => new Date(text).toISOString() };

/**
 * Opens the embedded store (PGlite). `path` is `memory://` or a folder, which only one process at a time may open.
 * Committed transactions survive a killed process. Statements run on the calling thread.
 */
export async function openPglite(path: string): Promise<Db> {
  const pglite = await open(path);
  // Without table statistics a custom plan is no better than the generic one, and planning takes time.
  await pglite.exec('SET plan_cache_mode = force_generic_plan');
  // PGlite has a single connection: a transaction holds it from BEGIN to COMMIT.
  const connection = new Mutex();
  const prepared = preparedStatements(pglite, PARSERS);
  const tx: Tx = {
    query: async <R extends object>(sql: string, params?: readonly unknown[]) => {
      if (params !== undefined) return await prepared<R>(sql, params);
      return ((await pglite.exec(sql)).at(-1)?.rows ?? []) as R[];
    },
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await connection.runExclusive(work);
    } catch (error) {
      throw storeFailure(error, '(embedded PostgreSQL)');
    }
  };
  return {
    kind: 'pglite',
    query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      await guarded(async () => await tx.query<R>(sql, params)),
    transaction: async (work) =>
      await guarded(async () => await retryConflicts(async () => await inTransaction(tx, work))),
    close: async () => {
      await connection.runExclusive(async () => {
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
