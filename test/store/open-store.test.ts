import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { openPostgres } from '../../store/db/postgres.ts';
import { readSession } from '../../store/read/read-session.ts';
import { createPostgresDatabase, DATABASES, describeStores } from '../support/store/databases.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { newKey, send } from './conversation.ts';

const MIGRATIONS = new URL('../../store/migrations/', import.meta.url);

test('stores that open one new database at once all find the same schema', async () => {
  const { url, drop } = await createPostgresDatabase();
  const stores = await Promise.all(Array.from({ length: 6 }, () => openStore({ databaseUrl: url, poolSize: 2 })));
  try {
    const applied = await stores[0]?.query<{ name: string }>(`SELECT name FROM perdure.migrations ORDER BY name`);
    expect(applied?.map(({ name }) => name)).toEqual((await readdir(MIGRATIONS)).toSorted());
    const key = newKey();
    await Promise.all(stores.map((db) => send(db, key, { id: 'm1', content: 'hi' })));
    expect((await readSession(stores[5] as (typeof stores)[0], key))?.messages).toBe(1);
  } finally {
    await Promise.all(stores.map((db) => db.close()));
    await drop();
  }
}, 60_000);

test('an embedded store finds what it held when it is opened again', async () => {
  const dataDir = join(await temporaryFolder(), 'not', 'there', 'yet');
  const key = newKey();
  const first = await openStore({ dataDir });
  await send(first, key, { id: 'm1', content: 'hi' });
  await first.close();
  const second = await openStore({ dataDir });
  expect(await readSession(second, key)).toMatchObject({ messages: 1, head: 2 });
  await second.close();
}, 60_000);

test('a server that does not answer is store_unavailable, and its password is not told', async () => {
  const db = await openPostgres('postgres://perdure:s3cret@127.0.0.1:1/perdure');
  const failure = await db.query('SELECT 1', []).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    name: 'PerdureError',
    code: 'store_unavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  expect(JSON.stringify(failure) + String(failure)).not.toContain('s3cret');
  await db.close();
});

test('a database that is not there is store_unavailable', async () => {
  const { url, drop } = await createPostgresDatabase();
  await drop();
  await expect(openStore({ databaseUrl: url })).rejects.toMatchObject({ code: 'store_unavailable' });
}, 60_000);

test('a broken connection is store_unavailable, and the next statement gets a new one', async () => {
  const { url, drop } = await createPostgresDatabase();
  const db = await openStore({ databaseUrl: url, poolSize: 1 });
  try {
    const broken = db.transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid', []);
      const killer = await openPostgres(url);
      await killer.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      await killer.close();
      await tx.query('SELECT 1', []);
    });
    await expect(broken).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await db.query('SELECT 1 AS one', [])).toEqual([{ one: 1 }]);
  } finally {
    await db.close();
    await drop();
  }
}, 60_000);

describeStores(DATABASES, (db) => {
  test('a transaction that rejects leaves nothing', async () => {
    await db().query('CREATE TABLE IF NOT EXISTS scratch (n integer); DELETE FROM scratch');
    const failing = db().transaction(async (tx) => {
      await tx.query('INSERT INTO scratch VALUES ($1)', [1]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await db().query('SELECT n FROM scratch', [])).toEqual([]);
  });

  test('a refused statement tells its SQLSTATE and no values', async () => {
    const failure = await db()
      .query('SELECT $1::integer', ['a secret'])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: 'PerdureError',
      code: 'internal',
      message: expect.stringContaining('22P02'),
    });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('a secret');
    expect(await db().query('SELECT $1::integer AS n', [7])).toEqual([{ n: 7 }]);
  });

  test('rows arrive as Db says: JSON parsed, times as ISO 8601 UTC, nulls as null', async () => {
    const [row] = await db().query(
      `SELECT $1::jsonb AS j, '2026-01-02 03:04:05.678+02'::timestamptz AS t, $2::text AS n, 2::float8 AS f, true AS b`,
      ['{"a":[1]}', null],
    );
    expect(row).toEqual({ j: { a: [1] }, t: '2026-01-02T01:04:05.678Z', n: null, f: 2, b: true });
  });

  test('a serialization failure is tried again', async () => {
    let tries = 0;
    const done = await db().transaction(async (tx) => {
      tries += 1;
      if (tries < 3) await tx.query(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$`, []);
      return 'done';
    });
    expect([done, tries]).toEqual(['done', 3]);
  });
});
