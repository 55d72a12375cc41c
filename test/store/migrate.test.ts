import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { EVENTS_PER_SESSION, firstStore } from '../support/store/first-store.ts';
import { converse } from './conversation.ts';

/** Events of the store that is migrated: `PERDURE_TEST_MIGRATED_EVENTS`, 2,000 by default. */
const EVENTS = Number(process.env['PERDURE_TEST_MIGRATED_EVENTS'] ?? 2_000);

test('a store of the first version is migrated under load, with what it holds, and works', async () => {
  const { url, drop, client } = await firstStore(EVENTS);
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
