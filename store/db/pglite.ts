import { startDatabaseThread } from './database-thread.ts';
import type { Db, Tx } from './db.ts';
import { isFolder } from './is-folder.ts';
import { SessionMemory } from './session-memory.ts';
import { SingleConnection } from './single-connection.ts';
import { driverCall, nullOnConflict, retryConflicts, storeFailure } from './store-failure.ts';

/**
 * Opens the embedded store (PGlite). `path` is `memory://` or a folder, which only one process at a time may open.
 * Committed transactions survive a killed process. Statements run on a thread of their own. `begin`: path of a dumped
 * data folder, with which a database in memory begins.
 */
export async function openPglite(path: string, begin?: string): Promise<Db> {
  const thread = await startDatabaseThread(path, begin);
  const connection = new SingleConnection();
  const memory = new SessionMemory();
  const tx: Tx = {
    memory,
    query: <R extends object>(sql: string, params?: readonly unknown[]) =>
      driverCall(async () => (await thread.execute(sql, params)) as R[]),
  };
  return {
    kind: 'pglite',
    memory,
    isInMemory: !isFolder(path),
    query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      await guarded(connection.statement(async () => await tx.query<R>(sql, params))),
    attempt: async <R extends object>(sql: string, params: readonly unknown[]) =>
      await guarded(connection.statement(async () => await nullOnConflict(async () => await tx.query<R>(sql, params)))),
    transaction: async (work) =>
      await guarded(
        connection.transaction(async () => await retryConflicts(async () => await inTransaction(tx, work))),
      ),
    close: async () => await connection.transaction(async () => await thread.close()),
  };
}

async function guarded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storeFailure(error, '(embedded PostgreSQL)');
  }
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
