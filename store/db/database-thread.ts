import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { modulePath } from '../../assets/package-files.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { Row } from './db.ts';
import { describeOpenFailure } from './describe-open-failure.ts';
import { isFolder } from './is-folder.ts';
import type { StatementReply, StatementRequest } from './pglite-thread.ts';

/** The thread of an embedded database. */
export interface DatabaseThread {
  execute(sql: string, params?: readonly unknown[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (rows: readonly Row[]) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that were prepared and not used yet, by the path of their database. */
const prepared = new Map<string, Promise<DatabaseThread>>();

/** Path of the embedded database of a data folder. */
export function databasePath(dataDir: string): string {
  return join(dataDir, 'store');
}

/**
 * Opens the database of a data folder, if it exists, for {@link startDatabaseThread}: it takes a third of a second, in which the
 * process can load its code. The caller must hold the lock of the folder. Disposing closes the database unless it is in use.
 */
export function prepareDatabaseThread(dataDir: string): AsyncDisposable {
  const path = databasePath(dataDir);
  if (!existsSync(path) || prepared.has(path)) return { [Symbol.asyncDispose]: async () => {} };
  const thread = openThread(path);
  thread.catch(() => {});
  prepared.set(path, thread);
  return {
    async [Symbol.asyncDispose]() {
      if (prepared.get(path) !== thread) return;
      prepared.delete(path);
      await (await thread.catch(() => null))?.close();
    },
  };
}

/**
 * Starts the thread of a database, or takes the one that was prepared for it. `begin`: what a database in memory begins with.
 * @throws {PerdureError} `store_unavailable` when its files cannot be created or opened.
 */
export async function startDatabaseThread(path: string, begin?: string): Promise<DatabaseThread> {
  const ready = prepared.get(path);
  prepared.delete(path);
  try {
    if (ready) return await ready;
    await ensureCluster(path);
    return await openThread(path, begin);
  } catch (error) {
    throw new PerdureError(
      'store_unavailable',
      `The embedded store ${path} cannot be opened (${describeOpenFailure(error)}). Check that its disk has room, and that this user can read and write its files.`,
      { cause: error },
    );
  }
}

/** Creates the folder of the database unless it exists. */
async function ensureCluster(path: string): Promise<void> {
  if (!isFolder(path) || existsSync(path)) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await once(new Worker(modulePath('store/db/cluster-thread'), { workerData: { path } }), 'exit');
}

async function openThread(path: string, begin?: string): Promise<DatabaseThread> {
  const worker = new Worker(modulePath('store/db/pglite-thread'), {
    workerData: { path, begin },
    name: 'store',
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  await once(worker, 'message');
  const waiting = new Map<number, Waiting>();
  let sent = 0;
  let ended: Error | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (reply: StatementReply) => {
    const request = waiting.get(reply.id);
    waiting.delete(reply.id);
    // An idle store does not keep its process running.
    if (waiting.size === 0) worker.unref();
    if ('rows' in reply) request?.resolve(reply.rows);
    else request?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
  });
  worker.on('error', (error) => end(new Error(`The connection ended: ${error.message}`)));
  worker.on('exit', () => end(new Error('The connection is closed.')));
  worker.unref();
  return {
    execute: async (sql, params) => {
      if (ended) throw ended;
      if (waiting.size === 0) worker.ref();
      const { promise, resolve, reject } = Promise.withResolvers<readonly Row[]>();
      sent += 1;
      waiting.set(sent, { resolve, reject });
      worker.postMessage({ id: sent, sql, params } satisfies StatementRequest, []);
      return await promise;
    },
    close: async () => {
      if (ended) return;
      worker.ref();
      const exit = once(worker, 'exit');
      worker.postMessage('close', []);
      await exit;
    },
  };
}
