import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { FIRST_AUDIT_HASH } from '../../../core/audit/audit-hash.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { verifyAudit } from '../../../store/admin/audit/verify-audit.ts';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { asScript, readMigrations } from '../../../store/schema/read-migrations.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';

const PROGRAM = join(import.meta.dirname, '../../support/process/append-audit.ts');
const START = { seq: 0, hash: FIRST_AUDIT_HASH };

async function database(): Promise<string> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  return url;
}

async function storeAt(databaseUrl: string): Promise<Db> {
  const db = await openStore({ databaseUrl });
  onTestFinished(() => db.close());
  return db;
}

/** Starts a process that appends entries; resolves when it has opened the store. */
async function appending(url: string, actor: string, count: number) {
  const child = spawn(process.execPath, [PROGRAM, url, actor, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return { child, ended };
}

async function entriesOf(db: Db, actor: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(`SELECT count(*)::int AS count FROM perdure.audit WHERE actor = $1`, [
    actor,
  ]);
  return row?.count ?? 0;
}

/** Other connections to the database that execute a statement. */
async function busyConnections(db: Db): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`,
    [],
  );
  return row?.count ?? 0;
}

test('what two processes append at the same time is one chain, also where one of them is killed', async () => {
  const url = await database();
  const db = await storeAt(url);
  const [one, two] = await Promise.all([appending(url, 'one', 300), appending(url, 'two', 100_000)]);
  // Both have appended, so their entries are among each other.
  await expect.poll(() => entriesOf(db, 'two'), { interval: 5, timeout: 30_000 }).toBeGreaterThan(20);
  await one.ended;
  two.child.kill('SIGKILL');
  await two.ended;
  // The server completes what the process had sent.
  await expect.poll(() => busyConnections(db)).toBe(0);
  const [first, second] = [await entriesOf(db, 'one'), await entriesOf(db, 'two')];
  expect(first).toBe(300);
  // Nothing is left locked by the process that was killed.
  await appendAudit(db, { actor: 'three', action: 'runs.list', user: null, sessionId: null, runId: null });
  let result = await verifyAudit(db, START);
  for (; !result.complete && result.broken === null;) result = await verifyAudit(db, result.last);
  expect(result).toMatchObject({ complete: true, broken: null, last: { seq: first + second + 1 } });
  const [{ switches } = { switches: 0 }] = await db.query<{ switches: number }>(
    `SELECT count(*) FILTER (WHERE actor <> before)::int AS switches
       FROM (SELECT actor, lag(actor) OVER (ORDER BY seq) AS before FROM perdure.audit) a`,
    [],
  );
  expect(switches).toBeGreaterThan(2);
}, 60_000);

test('entries from before the chain are its beginning, in the order of their times, and are verified like all others', async () => {
  const url = await database();
  const client = new Client({ connectionString: url });
  await client.connect();
  const before = (await readMigrations()).filter(({ name }) => name < '0043');
  await client.query(
    `CREATE SCHEMA perdure;
     CREATE TABLE perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  for (const migration of before) {
    await client.query(asScript(migration));
    await client.query(`INSERT INTO perdure.migrations (name) VALUES ($1)`, [migration.name]);
  }
  await client.query(
    `INSERT INTO perdure.audit (audit_id, at, actor, action, user_id) VALUES
     ('c', '2026-01-01Z', 'olga', 'session.read', 'ada'), ('a', '2026-03-01Z', 'olga', 'runs.list', NULL),
     ('b', '2026-02-01Z', 'rita', 'run.cancel', 'bob')`,
  );
  await client.end();

  const db = await storeAt(url);
  await appendAudit(db, { actor: 'olga', action: 'runs.list', user: null, sessionId: null, runId: null });

  expect(await verifyAudit(db, START)).toMatchObject({ verified: 4, removed: 0, complete: true, broken: null });
  const order = await db.query<{ id: string }>(`SELECT audit_id AS id FROM perdure.audit ORDER BY seq LIMIT 3`, []);
  expect(order.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  await db.query(
    `ALTER TABLE perdure.audit DISABLE TRIGGER USER; UPDATE perdure.audit SET actor = 'nobody' WHERE audit_id = 'b'`,
  );
  expect(await verifyAudit(db, START)).toMatchObject({ broken: { seq: 2, id: 'b', reason: 'changed' } });
}, 60_000);
