import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { assetPath } from '../assets/package-files.ts';
import type { Db, Tx } from './db/db.ts';

const FOLDER = assetPath('store/migrations');
/** Key of the advisory lock, unlikely to be used by other programs on the same database: "perdure" in ASCII. */
const LOCK = 0x70657264757265n;

/** How long a migration waits for a lock of a table. Statements that arrive meanwhile wait behind it. */
const LOCK_MS = 2_000;
/** How long it then lets them pass. */
const PAUSE_MS = 1_000;
/** Attempts to get the locks of one migration: about a quarter of an hour. */
const MAX_ATTEMPTS = 300;
/** A migration that takes longer is reported, and again each time this has passed. */
const REPORT_MS = 5_000;

export interface MigrationOptions {
  /** Called with a line for people: before a wait, and while a migration takes long. */
  readonly onWait?: ((line: string) => void) | undefined;
  /** Default 2,000 ms. For tests. */
  readonly lockMs?: number | undefined;
}

/** Thrown in a transaction whose migration did not get a lock in time. */
class LockTimeout extends Error {}

/**
 * Migrates the schema `perdure`: applies the numbered `.sql` files in the folders of `migrations/` that are not recorded as applied, in
 * order, each in a transaction of its own, so that its locks are held no longer than it takes; those of an empty store in one
 * transaction. An advisory lock serialises processes that start at the same time.
 *
 * A migration has no limit of time: a back-fill or an index of a large store takes minutes. It waits for a lock of a table for
 * two seconds only, because every statement on that table waits behind it; then it lets them pass, and tries again. `db` must
 * have no limits of time either.
 */
export async function migrate(db: Db, options: MigrationOptions = {}): Promise<void> {
  const files = (await readdir(FOLDER, { recursive: true })).filter((path) => /^\d{4}-.+\.sql$/.test(basename(path)));
  // The names of the folders are those of their first and last file, so that the paths have the order of the files.
  const paths = files.toSorted();
  let isReported = false;
  const onBusy = (): void => {
    if (!isReported) options.onWait?.('Waiting for another process that is migrating the store');
    isReported = true;
  };
  for (let attempt = 1; ;) {
    try {
      if (!(await applyNext(db, paths, options, onBusy))) return;
      attempt = 1;
    } catch (error) {
      if (!(error instanceof LockTimeout) || attempt === MAX_ATTEMPTS) throw error;
      if (attempt === 1) options.onWait?.('Waiting for a transaction that uses a table to be migrated');
      attempt += 1;
      await delay(PAUSE_MS);
    }
  }
}

/** Applies the first migration that is missing, or all of them to an empty store. Returns whether there may be more. */
async function applyNext(
  db: Db,
  paths: readonly string[],
  options: MigrationOptions,
  onBusy: () => void,
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    // Those of the server or the database. A back-fill of a large store takes minutes.
    await tx.query('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0');
    const [lock] = await tx.query<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock($1::bigint) AS free`, [
      LOCK.toString(),
    ]);
    if (!lock?.free) {
      onBusy();
      await tx.query(`SELECT pg_advisory_xact_lock($1::bigint)`, [LOCK.toString()]);
    }
    await tx.query(`
      CREATE SCHEMA IF NOT EXISTS perdure;
      CREATE TABLE IF NOT EXISTS perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
    `);
    const applied = await tx.query<{ name: string }>(`SELECT name FROM perdure.migrations`);
    const names = new Set(applied.map((row) => row.name));
    const missing = paths.filter((path) => !names.has(basename(path)));
    const isEmpty = names.size === 0;
    for (const path of isEmpty ? missing : missing.slice(0, 1)) {
      if (!isEmpty) await tx.query(`SET LOCAL lock_timeout = ${options.lockMs ?? LOCK_MS}`);
      await apply(tx, path, isEmpty ? {} : options);
    }
    return !isEmpty && missing.length > 1;
  });
}

async function apply(tx: Tx, path: string, { onWait }: MigrationOptions): Promise<void> {
  const name = basename(path);
  const sql = await readFile(join(FOLDER, path), 'utf8');
  const startedAt = Date.now();
  const timer = setInterval(
    () => onWait?.(`Migrating the store: ${name} (${Math.round((Date.now() - startedAt) / 1_000)} s)`),
    REPORT_MS,
  ).unref();
  try {
    await tx.query(sql);
  } catch (error) {
    // The SQLSTATE lock_not_available.
    throw (error as { code?: unknown }).code === '55P03' ? new LockTimeout(`${name} did not get a lock`) : error;
  } finally {
    clearInterval(timer);
  }
  await tx.query(`INSERT INTO perdure.migrations (name) VALUES ($1)`, [name]);
}
