import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { openPostgres } from '../../../store/db/postgres.ts';
import { migrate } from '../../../store/migrate.ts';
import { buildIndex } from '../../../store/schema/build-index.ts';
import { firstStore } from '../../support/store/first-store.ts';

const INDEX = 'CREATE INDEX CONCURRENTLY events_by_type ON perdure.events (user_id, type)';

/** A store of the first version with 3 sessions of 20 events, for one test. */
async function openFirstStore(): Promise<{ db: Db; client: Client; connect: () => Promise<Client> }> {
  const { url, drop, client } = await firstStore(60);
  onTestFinished(drop);
  const connect = async (): Promise<Client> => {
    const other = new Client({ connectionString: url });
    // The end of a test drops its database.
    other.on('error', () => {});
    await other.connect();
    onTestFinished(() => other.end());
    return other;
  };
  onTestFinished(() => client.end());
  const db = await openPostgres(url, { poolSize: 3, isTimed: false });
  onTestFinished(() => db.close());
  return { db, client, connect };
}

/** Begins a transaction that an index, built concurrently, waits for. */
async function hold(connect: () => Promise<Client>): Promise<Client> {
  const holder = await connect();
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT FROM perdure.events LIMIT 1');
  return holder;
}

async function pidOfBuild(client: Client): Promise<number> {
  const building = async () =>
    (
      await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for old snapshots%' OR phase LIKE 'waiting for %'`,
      )
    ).rows[0]?.pid;
  await expect.poll(building, { timeout: 10_000 }).toBeGreaterThan(0);
  return (await building()) ?? 0;
}

async function indexOf(client: Client): Promise<{ oid: number; valid: boolean } | undefined> {
  const { rows } = await client.query<{ oid: number; valid: boolean }>(
    `SELECT indexrelid::int AS oid, indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('perdure.events_by_type')`,
  );
  return rows[0];
}

test('an index whose building was interrupted is removed, and built again', async () => {
  const { db, client, connect } = await openFirstStore();
  const holder = await hold(connect);
  const interrupted = buildIndex(db, INDEX).catch((error: unknown) => error);
  await client.query('SELECT pg_terminate_backend($1)', [await pidOfBuild(client)]);
  expect(await interrupted).toMatchObject({ code: 'store_unavailable' });
  await holder.query('COMMIT');
  const before = await indexOf(client);
  expect(before?.valid).toBe(false);
  await buildIndex(db, INDEX);
  const after = await indexOf(client);
  expect(after?.valid).toBe(true);
  expect(after?.oid).not.toBe(before?.oid);
}, 30_000);

test('an index that the server goes on building after its process has died is awaited', async () => {
  const { db, client, connect } = await openFirstStore();
  const holder = await hold(connect);
  const dead = await connect();
  const left = dead.query(INDEX);
  await pidOfBuild(client);
  const before = await indexOf(client);
  const looked = Promise.withResolvers<void>();
  const query: Db['query'] = async (sql, params) => {
    const rows = await db.query<never>(sql, params);
    looked.resolve();
    return rows;
  };
  const built = buildIndex({ ...db, query }, INDEX);
  await looked.promise;
  await holder.query('COMMIT');
  await Promise.all([left, built]);
  expect(await indexOf(client)).toEqual({ oid: before?.oid, valid: true });
}, 30_000);

test('batches that were interrupted go on where they were: each session is changed once', async () => {
  const { db, client } = await openFirstStore();
  await client.query(`UPDATE perdure.sessions SET state = '{"n": 1}'`);
  let batches = 0;
  const interrupted: Db = {
    ...db,
    transaction: async (work) =>
      await db.transaction(async (tx) => {
        const result = await work(tx);
        const progress = await tx
          .query(`SELECT FROM perdure.migrations WHERE name = '0008-namespaces.sql#1'`)
          .catch(() => []);
        if (progress.length > 0) batches += 1;
        if (batches === 2) throw new Error('The process ends here.');
        return result;
      }),
  };
  await expect(migrate(interrupted, { batch: 1 })).rejects.toThrow('The process ends here.');
  const states = async () =>
    (await client.query<{ state: unknown }>(`SELECT state FROM perdure.sessions ORDER BY session_id`)).rows.map(
      ({ state }) => state,
    );
  expect(await states()).toEqual([{ app: { n: 1 } }, { n: 1 }, { n: 1 }]);
  await migrate(db, { batch: 1 });
  expect(await states()).toEqual([1, 2, 3].map(() => ({ app: { n: 1 } })));
}, 60_000);

test('a process that waits for one that is migrating does not hold up its indexes', async () => {
  const { db, connect } = await openFirstStore();
  const holder = await hold(connect);
  const waits = Promise.withResolvers<string>();
  const first = migrate(db);
  // The first one waits for the transaction, at the first index; the other one for its turn.
  await pidOfBuild(await connect());
  const other = migrate(db, { onWait: waits.resolve });
  expect(await waits.promise).toBe('Waiting for another process that is migrating the store');
  await holder.query('COMMIT');
  await Promise.all([first, other]);
}, 60_000);
