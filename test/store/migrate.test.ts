import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { createPostgresDatabase } from '../support/store/databases.ts';
import { converse } from './conversation.ts';

const FIRST_SCHEMA = readFileSync(new URL('../support/store/first-schema.sql', import.meta.url), 'utf8');
/** Events of the store that is migrated: `PERDURE_TEST_MIGRATED_EVENTS`, 2,000 by default. */
const EVENTS = Number(process.env['PERDURE_TEST_MIGRATED_EVENTS'] ?? 2_000);
const EVENTS_PER_SESSION = 20;

/** A value for a column that must have one. */
function valueOf({ name, type }: { name: string; type: string }): string {
  if (name === 'status') return `'completed'`;
  if (name === 'kind') return `'session'`;
  if (name === 'type') return `'session.opened'`;
  if (name === 'seq') return 'n';
  if (name === 'run_id') return `'run-' || s || '-' || n`;
  if (name === 'ordinal') return 'n';
  if (type === 'json' || type === 'jsonb') return name === 'message_ids' ? `'[]'` : `'{}'`;
  if (type.startsWith('timestamp')) return 'now()';
  if (type === 'boolean') return 'false';
  return type === 'text' ? `'x'` : '0';
}

/** A database with the schema of the first version, and sessions with events. */
async function firstStore(events = EVENTS) {
  const { url, drop } = await createPostgresDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    CREATE SCHEMA perdure;
    CREATE TABLE perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
    ${FIRST_SCHEMA}
    INSERT INTO perdure.migrations (name) VALUES ('0001-sessions.sql');`);
  const columns = async (table: string) => {
    const { rows } = await client.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
        WHERE table_schema = 'perdure' AND table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL
          AND column_name NOT IN ('user_id', 'session_id')`,
      [table],
    );
    return rows;
  };
  const insert = async (table: string, perSession: number) => {
    const all = await columns(table);
    await client.query(
      `INSERT INTO perdure.${table} (user_id, session_id${all.map(({ name }) => `, ${name}`).join('')})
       SELECT 'user-' || s % 100, 'session-' || s${all.map((column) => `, ${valueOf(column)}`).join('')}
         FROM generate_series(1, ${Math.ceil(events / EVENTS_PER_SESSION)}) AS s, generate_series(1, ${perSession}) AS n`,
    );
  };
  await insert('sessions', 1);
  await insert('runs', 4);
  await insert('events', EVENTS_PER_SESSION);
  return { url, drop, client };
}

test('a store of the first version is migrated under load, with what it holds, and works', async () => {
  const { url, drop, client } = await firstStore();
  const before = await client.query<{ count: string }>('SELECT count(*) FROM perdure.events');
  // Readers and writers that wait at most three seconds for a table in the meantime.
  const migrated = new AbortController();
  let slowestMs = 0;
  let statements = 0;
  const load = async (): Promise<void> => {
    const other = new Client({ connectionString: url });
    await other.connect();
    while (!migrated.signal.aborted) {
      const at = performance.now();
      await other.query(`UPDATE perdure.sessions SET user_id = user_id WHERE user_id = 'user-7'`);
      await other.query(`SELECT count(*) FROM perdure.events WHERE user_id = 'user-7' AND session_id = 'session-7'`);
      slowestMs = Math.max(slowestMs, performance.now() - at);
      statements += 2;
      await delay(5);
    }
    await other.end();
  };
  const loading = Promise.all([load(), load()]);
  const at = performance.now();
  // Two processes start at once: each migration is applied once.
  const [store, second] = await Promise.all([openStore({ databaseUrl: url }), openStore({ databaseUrl: url })]);
  const tookMs = performance.now() - at;
  migrated.abort();
  await loading;
  await second.close();
  try {
    if (EVENTS > 2_000) {
      console.log(`${EVENTS} events: ${Math.round(tookMs)} ms, slowest of ${statements}: ${Math.round(slowestMs)} ms`);
    }
    expect(statements).toBeGreaterThan(0);
    const [after] = await store.query<{ count: number }>('SELECT count(*)::int AS count FROM perdure.events', []);
    expect(after?.count).toBe(Number(before.rows[0]?.count));
    const key = { user: 'user-7', session: 'session-7' };
    expect((await readEvents(store, key, { after: 0, limit: 100 })).events).toHaveLength(EVENTS_PER_SESSION);
    await converse(store, { user: 'somebody', session: 'new' }, 'm1', 'hello');
  } finally {
    await store.close();
    await client.end();
    await drop();
  }
}, 900_000);

test('a migration does not make statements wait behind a long transaction: it gives up its place, and tries again', async () => {
  const { url, drop, client } = await firstStore(200);
  await client.query('BEGIN');
  await client.query('SELECT count(*) FROM perdure.runs');
  const waits = Promise.withResolvers<string>();
  const opening = openStore({ databaseUrl: url, onWait: waits.resolve });
  expect(await waits.promise).toBe('Waiting for a transaction that uses a table to be migrated');
  // Others pass while the transaction is open.
  const other = new Client({ connectionString: url });
  await other.connect();
  await other.query('SELECT count(*) FROM perdure.runs');
  await other.end();
  await client.query('COMMIT');
  const store = await opening;
  await store.close();
  await client.end();
  await drop();
}, 60_000);
