import { setTimeout as delay } from 'node:timers/promises';
import type { Db, Tx } from './db/db.ts';
import { applyInParts, type PartOptions } from './schema/apply-in-parts.ts';
import { asScript, readMigrations, type Migration } from './schema/read-migrations.ts';

/** Keys of advisory locks, unlikely to be used by other programs on the same database: "perdure" and "perdurf" in ASCII. */
const LOCK = 0x70657264757265n;
const TURN = 0x70657264757266n;

const BUSY = 'Waiting for another process that is migrating the store';
/** How often a process looks whether the one that is migrating has ended. */
const LOOK_MS = 250;
/** A migration that takes longer is reported, and again each time this has passed. */
const REPORT_MS = 5_000;

/** `onWait` is called with a line for people: before a wait, and while a migration takes long. */
export type MigrationOptions = PartOptions;

/**
 * Migrates the schema `perdure`: applies the numbered `.sql` files in the folders of `migrations/` that are not recorded as applied, in
 * order. On a PostgreSQL server that others use meanwhile, each in its parts, so that nobody waits longer than about two seconds
 * for a lock: {@link applyInParts}. An empty store in one transaction; an embedded one, which has one user, a file in each.
 * One process at a time migrates.
 *
 * A migration has no limit of time: an index of a large store takes minutes. `db` must have none either, and two connections.
 */
export async function migrate(db: Db, options: MigrationOptions = {}): Promise<void> {
  const migrations = await readMigrations();
  if (missingOf(migrations, await readApplied(db)).length === 0) return;
  const lock = lockOf(options);
  if (db.kind === 'pglite') {
    while (await applyScripts(db, migrations, lock, { limit: 1 }));
    return;
  }
  await db.transaction(async (turn) => {
    await takeTurn(turn, options);
    await applyScripts(db, migrations, lock, { onlyToEmpty: true });
    const applied = await readApplied(db);
    for (const migration of missingOf(migrations, applied)) {
      const report = reporting(migration, options);
      try {
        await applyInParts(db, migration, applied, lock, options);
      } finally {
        report.end();
      }
    }
  });
}

/**
 * Waits until no other process migrates. It looks again and again instead of waiting for a lock: an index that is built
 * concurrently waits for every statement that has begun, and this one would wait for it.
 */
async function takeTurn(turn: Tx, { onWait }: MigrationOptions): Promise<void> {
  await turn.query('SET LOCAL idle_in_transaction_session_timeout = 0');
  for (let attempt = 1; ; attempt += 1) {
    // Without parameters: the portal of a statement with some keeps its snapshot until the next statement.
    const [row] = await turn.query<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock(${TURN}) AS free`);
    if (row?.free) return;
    if (attempt === 1) onWait?.(BUSY);
    await delay(LOOK_MS);
  }
}

/** Keeps older versions out, which take this lock to migrate. */
function lockOf({ onWait }: MigrationOptions): (tx: Tx) => Promise<void> {
  let isReported = false;
  return async (tx) => {
    const [row] = await tx.query<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock(${LOCK}) AS free`);
    if (row?.free) return;
    if (!isReported) onWait?.(BUSY);
    isReported = true;
    await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
  };
}

/** Applies up to `limit` missing migrations in one transaction, with locks that are held until it ends. Returns whether there may be more. */
async function applyScripts(
  db: Db,
  migrations: readonly Migration[],
  lock: (tx: Tx) => Promise<void>,
  { limit = Number.POSITIVE_INFINITY, onlyToEmpty = false } = {},
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    await tx.query('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0');
    await lock(tx);
    await tx.query(`
      CREATE SCHEMA IF NOT EXISTS perdure;
      CREATE TABLE IF NOT EXISTS perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
      -- Of a part of a migration that goes through the sessions: the last one that it is done with; null for what is applied.
      ALTER TABLE perdure.migrations ADD COLUMN IF NOT EXISTS progress json;
    `);
    const applied = await readApplied(tx);
    const isEmpty = applied.size === 0;
    if (onlyToEmpty && !isEmpty) return false;
    const missing = missingOf(migrations, applied);
    const now = missing.slice(0, isEmpty ? missing.length : limit);
    for (const migration of now) {
      await tx.query(asScript(migration));
      await tx.query(`INSERT INTO perdure.migrations (name) VALUES ($1)`, [migration.name]);
    }
    return now.length < missing.length;
  });
}

/** The names of what is applied, and of the parts of a migration that was interrupted. */
async function readApplied(db: Tx): Promise<ReadonlySet<string>> {
  const [state] = await db.query<{ exists: boolean; current: boolean }>(
    `SELECT to_regclass('perdure.migrations') IS NOT NULL AS exists,
            EXISTS (SELECT FROM pg_attribute
                     WHERE attrelid = to_regclass('perdure.migrations') AND attname = 'progress') AS current`,
    [],
  );
  if (!state?.exists) return new Set();
  const rows = await db.query<{ name: string }>(
    `SELECT name FROM perdure.migrations ${state.current ? 'WHERE progress IS NULL' : ''}`,
    [],
  );
  return new Set(rows.map(({ name }) => name));
}

function missingOf(migrations: readonly Migration[], applied: ReadonlySet<string>): readonly Migration[] {
  return migrations.filter(({ name }) => !applied.has(name));
}

/** Says now and then that a migration goes on. */
function reporting({ name }: Migration, { onWait }: MigrationOptions): { end(): void } {
  const startedAt = Date.now();
  const timer = setInterval(
    () => onWait?.(`Migrating the store: ${name} (${Math.round((Date.now() - startedAt) / 1_000)} s)`),
    REPORT_MS,
  ).unref();
  return { end: () => clearInterval(timer) };
}
