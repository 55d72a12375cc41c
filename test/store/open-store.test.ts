import { globSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import threads from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { prepareDatabaseThread } from '../../store/db/database-thread.ts';
import { describeOpenFailure } from '../../store/db/describe-open-failure.ts';
import { openStore } from '../../store/open-store.ts';
import { openPostgres } from '../../store/db/postgres.ts';
import { driverCall, storeFailure } from '../../store/db/store-failure.ts';
import { readSession } from '../../store/read/read-session.ts';
import { createPostgresDatabase, DATABASES, describeStores } from '../support/store/databases.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { newKey, send } from './conversation.ts';

/** "perdure" in ASCII. */
const LOCK_OF_MIGRATIONS = 0x70657264757265n.toString();
/** Defaults that change results, or that end connections and transactions. */
const UNUSUAL_DEFAULTS = {
  datestyle: `'German, DMY'`,
  intervalstyle: 'iso_8601',
  timezone: `'Asia/Kathmandu'`,
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  search_path: 'nowhere',
  default_transaction_isolation: 'serializable',
  lock_timeout: `'1ms'`,
  statement_timeout: `'1ms'`,
  client_encoding: 'LATIN1',
} as const;

const MIGRATIONS = new URL('../../store/migrations/', import.meta.url);

test('the embedded store takes 32 MB for its page cache, in memory as in a folder', async () => {
  for (const dataDir of [undefined, await temporaryFolder()]) {
    const db = await openStore({ dataDir });
    expect(await db.query('SHOW shared_buffers')).toEqual([{ shared_buffers: '32MB' }]);
    await db.close();
  }
});

test('an embedded store takes the thread that was prepared for its folder, and one that is not taken closes its database', async () => {
  const dataDir = await temporaryFolder();
  const key = newKey();
  const first = await openStore({ dataDir });
  await send(first, key, { id: 'm1', content: 'hi' });
  await first.close();
  const { started, ended } = databaseThreads();
  {
    await using _unused = prepareDatabaseThread(dataDir);
  }
  expect([started(), ended()]).toEqual([1, 1]);
  await using _used = prepareDatabaseThread(dataDir);
  const second = await openStore({ dataDir });
  expect((await readSession(second, key))?.messages).toBe(1);
  await second.close();
  expect([started(), ended()]).toEqual([2, 2]);
}, 60_000);

/** Counts the threads of embedded databases from now on, until the test ends. */
function databaseThreads() {
  const { Worker } = threads;
  let started = 0;
  let ended = 0;
  threads.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      if (!String(args[0]).includes('pglite-thread')) return;
      started += 1;
      this.on('exit', () => (ended += 1));
    }
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    threads.Worker = Worker;
    syncBuiltinESMExports();
  });
  return { started: () => started, ended: () => ended };
}

test('stores that open one new database at once all find the same schema', async () => {
  const { url, drop } = await createPostgresDatabase();
  const stores = await Promise.all(Array.from({ length: 6 }, () => openStore({ databaseUrl: url, poolSize: 2 })));
  try {
    const applied = await stores[0]?.query<{ name: string }>(`SELECT name FROM perdure.migrations ORDER BY name`);
    expect(applied?.map(({ name }) => name)).toEqual(
      globSync('*/*.sql', { cwd: MIGRATIONS })
        .map((path) => basename(path))
        .toSorted(),
    );
    const key = newKey();
    await Promise.all(stores.map((db) => send(db, key, { id: 'm1', content: 'hi' })));
    expect((await readSession(stores[5] as (typeof stores)[0], key))?.messages).toBe(1);
  } finally {
    await Promise.all(stores.map((db) => db.close()));
    await drop();
  }
}, 60_000);

test('a process that waits for the migration of another one reports it, and waits without a limit of time', async () => {
  const { url, drop } = await createPostgresDatabase();
  const migrating = await openPostgres(url);
  const waiting = Promise.withResolvers<string>();
  let opening: ReturnType<typeof openStore> | undefined;
  try {
    await migrating.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1::bigint)', [LOCK_OF_MIGRATIONS]);
      opening = openStore({ databaseUrl: url, onWait: waiting.resolve });
      expect(await waiting.promise).toBe('Waiting for another process that is migrating the store');
    });
    await opening?.then((db) => db.close());
    const timed = await openPostgres(url);
    const untimed = await openPostgres(url, { isTimed: false });
    expect(await timed.query('SHOW statement_timeout', [])).toEqual([{ statement_timeout: '15s' }]);
    expect(await untimed.query('SHOW statement_timeout', [])).toEqual([{ statement_timeout: '2147483647ms' }]);
    await Promise.all([timed.close(), untimed.close()]);
  } finally {
    await migrating.close();
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

test('a database that cannot store every text is refused, with the remedy', async () => {
  const { url, drop } = await createPostgresDatabase(
    `TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  await expect(openStore({ databaseUrl: url })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(/encoding LATIN1.*CREATE DATABASE perdure ENCODING 'UTF8'/),
  });
  await drop();
}, 60_000);

test('defaults of the database change neither statements nor values', async () => {
  const { url, drop } = await createPostgresDatabase();
  const admin = await openPostgres(url);
  const name = `"${new URL(url).pathname.slice(1)}"`;
  for (const [setting, value] of Object.entries(UNUSUAL_DEFAULTS)) {
    await admin.query(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
  }
  await admin.close();
  const db = await openStore({ databaseUrl: url });
  try {
    const key = newKey();
    await send(db, key, { id: 'm1', content: 'a \\ backslash and a \u{1F642}' });
    expect(await readSession(db, key)).toMatchObject({ messages: 1, head: 2 });
    const at = '2026-01-31T22:30:00.250Z';
    const [row] = await db.query(
      `SELECT $1::timestamptz AS at, $1::timestamptz::date::text AS day, '\\x41'::bytea::text AS bytes,
              make_interval(days => 400)::text AS period, NULL = $2::text AS equal`,
      [at, null],
    );
    expect(row).toEqual({ at, day: '2026-01-31', bytes: '\\x41', period: '400 days', equal: null });
    await db.transaction(async (tx) => {
      const [isolation] = await tx.query(`SELECT current_setting('transaction_isolation') AS level`, []);
      expect(isolation).toEqual({ level: 'read committed' });
    });
    const [isolation] = await db.query(`SELECT current_setting('transaction_isolation') AS level`, []);
    expect(isolation).toEqual({ level: 'read committed' });
  } finally {
    await db.close();
    await drop();
  }
}, 60_000);

test('a read-only database is store_unavailable, with the remedy', async () => {
  const { url, drop } = await createPostgresDatabase();
  const admin = await openPostgres(url);
  await admin.query(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_read_only = on`);
  await admin.close();
  await expect(openStore({ databaseUrl: url })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(/is read-only \(25006\).*primary/),
  });
  await drop();
}, 60_000);

test('a server whose certificate is self-signed, or that has no TLS, is reported as that', async () => {
  const { url, drop } = await createPostgresDatabase();
  const withoutTls = openStore({ databaseUrl: `${url}?sslmode=verify-full` });
  await expect(withoutTls).rejects.toThrow(/does not support TLS.*sslmode=disable/);
  await drop();
  const selfSigned = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const reported = await driverCall(() => Promise.reject(selfSigned)).catch((error: unknown) =>
    storeFailure(error, '(PostgreSQL at DATABASE_URL)'),
  );
  expect(reported).toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(/certificate that cannot be verified \(DEPTH_ZERO_SELF_SIGNED_CERT\).*sslrootcert/),
  });
}, 60_000);

test('a name of a database with "#" and "?" is found by its percent-encoded form', async () => {
  const { url, drop } = await createPostgresDatabase();
  const admin = await openPostgres(url);
  await admin.query('CREATE DATABASE "c#?%/x"', []);
  const odd = new URL(url);
  odd.pathname = '/c%23%3F%25%2Fx';
  const db = await openPostgres(odd.href);
  expect(await db.query('SELECT current_database()::text AS name', [])).toEqual([{ name: 'c#?%/x' }]);
  await db.close();
  await admin.query('DROP DATABASE "c#?%/x" WITH (FORCE)', []);
  await admin.close();
  await drop();
}, 60_000);

test('an embedded store can be below a folder with any characters', async () => {
  const name = `C# why? 100%25 o'"brien Ü—ç! $(x)`;
  const top = await temporaryFolder();
  const dataDir = join(top, name, 'data');
  const key = newKey();
  for (const messages of [1, 2]) {
    const db = await openStore({ dataDir });
    await send(db, key, { id: `m${messages}`, content: 'hi' });
    expect(await readSession(db, key)).toMatchObject({ messages });
    await db.close();
  }
  expect(await readdir(top)).toEqual([name]);
  expect((await stat(join(dataDir, 'store'))).mode & 0o077).toBe(0);
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

  test.each([
    new Error('The booking is closed: the connection ended.'),
    Object.assign(new Error('not mine'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('not mine'), { code: '40001' }),
  ])('an error of the code inside a transaction is passed on unchanged: %s', async (error) => {
    let tries = 0;
    const failing = db().transaction(async () => {
      tries += 1;
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(tries).toBe(1);
  });

  test.each(['57014', '40P01'])(
    'a statement that may succeed later (SQLSTATE %s) is store_unavailable',
    async (state) => {
      const statement = `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${state}'; END $$`;
      const failing = db().transaction((tx) => tx.query(statement, []));
      await expect(failing).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining(state),
        retryAfterMs: 1_000,
      });
    },
  );

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

test('an embedded store that cannot be created is an error with its folder, the reason and a remedy', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(openStore({ dataDir: file })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(
      /^The embedded store .*file\/store cannot be opened \(E[A-Z]+.*\)\. Check that its disk has room/,
    ),
  });
  expect(describeOpenFailure({ name: 'ErrnoError', errno: 51 })).toBe('its disk is full');
});
