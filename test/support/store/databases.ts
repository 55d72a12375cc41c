import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection string of the server of `postgres-global-setup.ts`; undefined without it. */
    postgresUrl: string;
  }
}

/** The kinds of store on which every store test runs. */
export const DATABASES = ['pglite', 'postgres'] as const;

export interface TestDatabase {
  readonly db: Db;
  /** Null for PGlite. */
  readonly url: string | null;
  /** Closes the store and drops its database. */
  close(): Promise<void>;
}

/** Declares tests for every kind of store. They share a database per kind: use unique keys. */
export function describeStores(kinds: readonly (typeof DATABASES)[number][], tests: (db: () => Db) => void): void {
  describe.each(kinds)('on %s', (kind) => {
    let database: TestDatabase | undefined;
    beforeAll(async () => {
      database = await openTestDatabase(kind, 20);
    }, 60_000);
    afterAll(async () => {
      await database?.close();
    }, 60_000);
    tests(() => {
      if (!database) throw new Error('The database is open inside tests only.');
      return database.db;
    });
  });
}

/** An embedded store for the tests of a file, opened before its other hooks and closed after them. */
export function embeddedDatabase(): { readonly db: Db } {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await openTestDatabase('pglite');
  }, 60_000);
  afterAll(async () => await database?.close());
  return {
    get db() {
      if (!database) throw new Error('The database is open inside tests only.');
      return database.db;
    },
  };
}

/** Opens an empty, migrated store: PGlite in memory, or a new database on a real PostgreSQL server. For `beforeAll`. */
export async function openTestDatabase(kind: (typeof DATABASES)[number], poolSize = 10): Promise<TestDatabase> {
  if (kind === 'pglite') {
    const db = await openStore({});
    return { db, url: null, close: () => db.close() };
  }
  const { url, drop } = await createPostgresDatabase();
  const db = await openStore({ databaseUrl: url, poolSize });
  const close = async () => {
    await db.close();
    await drop();
  };
  return { db, url, close };
}

/** Creates an empty database on the run's server, or on a new server when the run has none. */
export async function createPostgresDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const shared = inject('postgresUrl');
  const server = shared ? { url: shared, stop: async () => {} } : await startPostgres();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(server.url, `CREATE DATABASE ${name}`);
  const url = new URL(server.url);
  url.pathname = name;
  const drop = async () => {
    await execute(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
    await server.stop();
  };
  return { url: url.href, drop };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
