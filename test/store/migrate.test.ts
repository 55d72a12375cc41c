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
  const migrated = new AbortController();
  let slowestMs = 0;
  let statements = 0;
  let appended = 0;
  // Writers as those of the first version, who also read. A lock for which one waits longer than five seconds fails the test.
  const load = async (session: number): Promise<void> => {
    const other = new Client({ connectionString: url, options: '-c lock_timeout=5000' });
    await other.connect();
    const key = [`user-${session % 100}`, `session-${session}`];
    const timed = async (sql: string, values: readonly unknown[] = []): Promise<void> => {
      const at = performance.now();
      await other.query(sql, [...values]);
      slowestMs = Math.max(slowestMs, performance.now() - at);
      statements += 1;
    };
    while (!migrated.signal.aborted) {
      await timed('BEGIN');
      await timed(
        'UPDATE perdure.sessions SET head = greatest(head, 20) + 1 WHERE user_id = $1 AND session_id = $2',
        key,
      );
      await timed(
        `INSERT INTO perdure.events (user_id, session_id, seq, type, at, data)
         SELECT user_id, session_id, head, 'session.opened', now(), '{}' FROM perdure.sessions
          WHERE user_id = $1 AND session_id = $2`,
        key,
      );
      await timed('UPDATE perdure.runs SET steps = steps WHERE user_id = $1 AND session_id = $2', key);
      await timed('COMMIT');
      await timed('SELECT count(*) FROM perdure.events WHERE user_id = $1 AND session_id = $2', key);
      appended += 1;
      await delay(5);
    }
    await other.end();
  };
  const loading = Promise.all([load(7), load(8)]);
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
    expect(appended).toBeGreaterThan(0);
    const [after] = await store.query<{ count: number }>('SELECT count(*)::int AS count FROM perdure.events', []);
    expect(after?.count).toBe(Number(before.rows[0]?.count) + appended);
    const key = { user: 'user-9', session: 'session-9' };
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
