import { onTestFinished, expect, test } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { openPostgres } from '../../../store/db/postgres.ts';
import { migrate } from '../../../store/migrate.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { firstStore, RUNS_PER_SESSION } from '../../support/store/first-store.ts';
import { observe } from '../../support/store/observed-db.ts';

const BATCH = 10;

/** Connections without limits of time, as those of migrations. */
async function openUnlimited(url: string): Promise<Db> {
  const db = await openPostgres(url, { poolSize: 3, isTimed: false });
  onTestFinished(() => db.close());
  return db;
}

/** A store of the first version, for one test. */
async function openFirstStore(events: number): Promise<{ readonly db: Db; readonly url: string }> {
  const { url, drop, client } = await firstStore(events);
  onTestFinished(drop);
  onTestFinished(() => client.end());
  return { db: await openUnlimited(url), url };
}

test('a migration holds a lock for which others wait on one table at a time, without going through its rows, and changes a batch at once', async () => {
  const { db, url } = await openFirstStore(600);
  const observed = await observe(db, url);
  onTestFinished(() => observed.close());
  await migrate(observed.db, { batch: BATCH });

  // The turn, which ends last, is not one of them.
  const uses = observed.transactions.slice(0, -1);
  expect(uses.length).toBeGreaterThan(50);
  const blocked = uses.map((tables) => tables.filter(({ blocks }) => blocks));
  expect(blocked.filter((tables) => tables.length > 1).map((tables) => tables.map(({ table }) => table))).toEqual([]);
  const large = uses.flat().filter(({ isSmall }) => !isSmall);
  expect(large.filter(({ blocks, scans }) => blocks && scans > 0)).toEqual([]);
  const changes = large.map(({ changed }) => changed);
  expect(Math.max(...changes)).toBeGreaterThan(0);
  // A statement may change a row of a session twice.
  expect(Math.max(...changes)).toBeLessThanOrEqual(2 * BATCH * RUNS_PER_SESSION);
  // Indexes of tables that exist are built outside of transactions.
  const built = observed.statements.filter((sql) => /INDEX/.test(sql) && !sql.startsWith('SELECT'));
  expect(built.filter((sql) => !sql.startsWith('CREATE INDEX CONCURRENTLY '))).toEqual([]);
  expect(built.length).toBeGreaterThan(15);
}, 60_000);

test('what batches compute of sessions and runs is the same for every session', async () => {
  const { db } = await openFirstStore(600);
  await db.query(
    `UPDATE perdure.sessions SET input_tokens = 7, state = '{"n": 1}', created_at = '2026-01-02T00:00:00Z'`,
  );
  await db.query(
    `UPDATE perdure.runs SET steps = 2, started_at = created_at, ended_at = created_at + interval '1 second'`,
  );
  await migrate(db, { batch: BATCH });
  const sessions = await db.query(
    `SELECT DISTINCT unpriced_calls, opened_at, ended_runs, timed_runs, busy_ms::int, state, known_input_tokens::int,
            unmetered_calls FROM perdure.sessions`,
  );
  expect(sessions).toEqual([
    {
      unpriced_calls: 2 * RUNS_PER_SESSION,
      opened_at: '2026-01-02T00:00:00.000Z',
      ended_runs: RUNS_PER_SESSION,
      timed_runs: RUNS_PER_SESSION,
      busy_ms: 1_000 * RUNS_PER_SESSION,
      state: { app: { n: 1 } },
      // Of the runs, whose calls are not recorded.
      known_input_tokens: 0,
      unmetered_calls: 0,
    },
  ]);
  expect(await db.query('SELECT DISTINCT unpriced_calls FROM perdure.runs')).toEqual([{ unpriced_calls: 2 }]);
  expect(await db.query('SELECT sum(ended)::int AS ended FROM perdure.run_stats')).toEqual([
    { ended: 30 * RUNS_PER_SESSION },
  ]);
}, 60_000);

test('a store that was migrated from the first version has the schema of a new one', async () => {
  const { db } = await openFirstStore(40);
  await migrate(db);
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const fresh = await openUnlimited(url);
  await migrate(fresh);
  expect(await schemaOf(db)).toEqual(await schemaOf(fresh));
}, 60_000);

/** The definitions of columns, indexes, constraints, triggers and functions. */
async function schemaOf(db: Db): Promise<readonly string[]> {
  const rows = await db.query<{ definition: string }>(`
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default, collation_name) AS definition
      FROM information_schema.columns WHERE table_schema = 'perdure'
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
      FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = to_regnamespace('perdure')
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = to_regnamespace('perdure')
    UNION ALL
    SELECT pg_get_triggerdef(t.oid)
      FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
     WHERE relnamespace = to_regnamespace('perdure') AND NOT tgisinternal
    UNION ALL
    SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = to_regnamespace('perdure')
    UNION ALL
    SELECT concat_ws(' ', relname, reloptions) FROM pg_class WHERE relnamespace = to_regnamespace('perdure')
    UNION ALL
    SELECT name FROM perdure.migrations
    ORDER BY 1`);
  return rows.map(({ definition }) => definition);
}
