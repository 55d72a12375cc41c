/** The thread that has the embedded database: executes statements one after the other, in the order of the requests. */
import { readFile } from 'node:fs/promises';
import module from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { ParserOptions, PGlite as Database } from '@electric-sql/pglite';
import { compileCacheFolder } from '../../assets/package-files.ts';
import type { Row } from './db.ts';
import { isFolder } from './is-folder.ts';

// A thread does not inherit the compile cache of its process.
module.enableCompileCache(compileCacheFolder());
const { PGlite, types } = await import('@electric-sql/pglite');
const { vector } = await import('@electric-sql/pglite-pgvector');
const { clusterTemplate } = await import('./cluster-template.ts');
const { preparedStatements } = await import('./pglite-statements.ts');

/** Without parameters, `sql` may contain several statements. */
export interface StatementRequest {
  readonly id: number;
  readonly sql: string;
  readonly params?: readonly unknown[] | undefined;
}

/** `code`: SQLSTATE. */
export type StatementReply = { readonly id: number } & (
  | { readonly rows: readonly Row[] }
  | { readonly error: { readonly message: string; readonly code: string | undefined } }
);

const PARSERS: ParserOptions = {
  [types.TIMESTAMPTZ]: (text: string) => new Date(text).toISOString(),
  // PGlite's own takes a digit at a time. A copy, because a small buffer is a part of a larger one, all of which would be sent.
  [types.BYTEA]: (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
};

/**
 * PostgreSQL takes all of its page cache when it starts. PGlite's default is 128 MB; the pages of the sessions that are active
 * at a time fit in less, and the system caches the files.
 */
const START_PARAMS = [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB'];

interface ThreadData {
  readonly path: string;
  readonly begin?: string | undefined;
}

async function open({ path, begin }: ThreadData): Promise<Database> {
  // Read from its file when a statement creates the extension, not before.
  const extensions = { vector };
  const options = { relaxedDurability: false, parsers: PARSERS, startParams: START_PARAMS, extensions };
  const template = async () => (begin === undefined ? await clusterTemplate() : new Blob([await readFile(begin)]));
  const loaded = isFolder(path) ? {} : { loadDataDir: await template() };
  return await PGlite.create({ ...options, dataDir: path, ...loaded });
}

async function serve(port: NonNullable<typeof parentPort>): Promise<void> {
  const pglite = await open(workerData as ThreadData);
  // Without table statistics a custom plan is no better than the generic one, and planning takes time.
  await pglite.exec('SET plan_cache_mode = force_generic_plan');
  module.flushCompileCache();
  const prepared = preparedStatements(pglite, PARSERS);
  const execute = async ({ sql, params }: StatementRequest): Promise<Row[]> =>
    params === undefined ? ((await pglite.exec(sql)).at(-1)?.rows ?? []) : await prepared<Row>(sql, params);
  const reply = async (request: StatementRequest): Promise<StatementReply> => {
    const { id } = request;
    try {
      return { id, rows: await execute(request) };
    } catch (error) {
      const { message, code } = error as { readonly message: string; readonly code?: string };
      return { id, error: { message, code } };
    }
  };
  const answer = async (request: StatementRequest | 'close', before: Promise<void>): Promise<void> => {
    await before;
    if (request !== 'close') {
      port.postMessage(await reply(request));
      return;
    }
    await pglite.close();
    port.close();
  };
  let last: Promise<void> = Promise.resolve();
  port.on('message', (request: StatementRequest | 'close') => {
    last = answer(request, last);
  });
  port.postMessage('open');
}

if (parentPort) await serve(parentPort);
