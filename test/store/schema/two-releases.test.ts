import { expect, onTestFinished, test } from 'vitest';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import type { Db } from '../../../store/db/db.ts';
import { openPostgres } from '../../../store/db/postgres.ts';
import { migrate } from '../../../store/migrate.ts';
import { openStore } from '../../../store/open-store.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { asScript, readMigrations, type Migration } from '../../../store/schema/read-migrations.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { narrowings, shapeOf } from '../../support/store/schema-shape.ts';
import { converse, newKey } from '../conversation.ts';

/** The newest migration of the oldest release whose processes may run beside those of today: docs/upgrading.md. */
const OLDEST_BESIDE = '0010';

/** What narrows the schema, and why processes that do not have the migration go on. */
const HARMLESS: Readonly<Record<string, string>> = {
  'runs.runs_status_check must hold': 'it allows one more status',
  'tool_calls.tool_calls_status_check must hold': 'it allows one more status',
  'inbox.inbox_decision_check must hold': 'it allows more decisions',
  'children.children_on_session_end_check must hold': 'of a column that they do not write',
  'attachments.attachments_content_key_fkey must hold': 'of a column that they do not write',
  'audit.seq must be given': 'a trigger gives it',
  'audit.previous_hash must be given': 'a trigger gives it',
  'audit.hash must be given': 'a trigger gives it',
  'audit.audit_by_seq must be unique': 'a trigger gives it',
};

test('a migration only adds to what processes of the release before it rely on', async () => {
  const { db } = await emptyDatabase();
  const migrations = await readMigrations();
  const later = migrations.filter(({ name }) => name.slice(0, 4) > OLDEST_BESIDE);
  expect(later.length).toBeGreaterThan(0);
  await applyAll(
    db,
    migrations.filter((one) => !later.includes(one)),
  );
  const found: string[] = [];
  for (const migration of later) {
    const before = await shapeOf(db);
    await applyAll(db, [migration]);
    found.push(...narrowings(before, await shapeOf(db)));
  }
  expect(found.toSorted()).toEqual(Object.keys(HARMLESS).toSorted());
}, 60_000);

test('a process of an older release goes on with the schema of a newer one, and does not change it', async () => {
  const { db, url } = await emptyDatabase();
  await migrate(db);
  // What the next releases may add.
  const tables = await db.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'perdure' AND table_name <> 'migrations'`,
  );
  for (const { name } of tables) {
    await db.query(
      `ALTER TABLE perdure.${name} ADD COLUMN later_a text, ADD COLUMN later_b integer NOT NULL DEFAULT 1`,
    );
  }
  await db.query('CREATE TABLE perdure.later (user_id text, session_id text, n integer)');
  await db.query(`INSERT INTO perdure.migrations (name) VALUES ('9998-later.sql'), ('9999-in-parts.sql#1')`);
  const before = await shapeOf(db);

  const store = await openStore({ databaseUrl: url });
  onTestFinished(() => store.close());
  const key = newKey('older');
  await converse(store, key, 'm1', 'hello');
  await archiveSession(store, key);
  await converse(store, key, 'm2', 'hello again');
  expect((await readEvents(store, key, { after: 0, limit: 100 })).events.map(({ type }) => type)).toContain(
    'session.recovered',
  );
  expect(await shapeOf(db)).toEqual(before);
}, 60_000);

async function emptyDatabase(): Promise<{ readonly db: Db; readonly url: string }> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const db = await openPostgres(url, { poolSize: 3, isTimed: false });
  onTestFinished(() => db.close());
  return { db, url };
}

async function applyAll(db: Db, migrations: readonly Migration[]): Promise<void> {
  await db.query('CREATE SCHEMA IF NOT EXISTS perdure');
  for (const migration of migrations) await db.transaction(async (tx) => void (await tx.query(asScript(migration))));
}
