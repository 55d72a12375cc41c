import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite, types, type Transaction } from '@electric-sql/pglite';
import type { Db, Tx } from './db.ts';
import { storableParams } from './storable.ts';
import { retryingConflicts, storeFailure } from './store-failure.ts';

const WHERE = '(embedded PostgreSQL)';

/**
 * The embedded store: `memory://`, or the path of a folder, which one process at a time may open.
 * What was committed survives a killed process. It runs in the thread that opens it.
 */
export async function openPglite(path: string): Promise<Db> {
  if (!path.includes('://')) await mkdir(dirname(path), { recursive: true });
  const pglite = await PGlite.create({
    dataDir: path,
    relaxedDurability: false,
    parsers: { [types.TIMESTAMPTZ]: (text: string) => new Date(text).toISOString() },
  });
  const tx = txOf(pglite);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw storeFailure(error, WHERE);
    }
  };
  return {
    kind: 'pglite',
    query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      await guarded(async () => await tx.query<R>(sql, params)),
    transaction: async (work) =>
      await guarded(
        async () =>
          await retryingConflicts(async () => await pglite.transaction(async (inner) => await work(txOf(inner)))),
      ),
    close: async () => {
      if (!pglite.closed) await pglite.close();
    },
  };
}

function txOf(connection: PGlite | Transaction): Tx {
  return {
    query: async <R extends object>(sql: string, params?: readonly unknown[]) => {
      if (params === undefined) return ((await connection.exec(sql)).at(-1)?.rows ?? []) as R[];
      return (await connection.query<R>(sql, storableParams(params))).rows;
    },
  };
}
