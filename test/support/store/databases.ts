import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { openMemoryStore } from './memory-store.ts';
import { MIGRATED_DATABASE } from './migrated-database.ts';
import { startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection string of the server of `global-setup.ts`; undefined without it. */
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
    const db = await openMemoryStore();
    return { db, url: null, close: () => db.close() };
  }
  const { url, drop } = await createMigratedDatabase();
  const db = await openStore({ databaseUrl: url, poolSize });
  const close = async () => {
    await db.close();
    await drop();
  };
  return { db, url, close };
}

/** As {@link createPostgresDatabase}, with the schema where the run has it to copy. */
export async function createMigratedDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  return await createPostgresDatabase(inject('postgresUrl') ? `TEMPLATE ${MIGRATED_DATABASE}` : '');
}

/** Creates an empty database on the run's server, or on a new server when the run has none. `options` completes `CREATE DATABASE`. */
export async function createPostgresDatabase(options = ''): Promise<{ url: string; drop: () => Promise<void> }> {
  const shared = inject('postgresUrl');
  const server = shared ? { url: shared, stop: async () => {} } : await startPostgres();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(server.url, `CREATE DATABASE ${name} ${options}`);
  const url = new URL(server.url);
  url.pathname = name;
  const drop = async () => {
    await execute(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
    await server.stop();
  };
  return { url: url.href, drop };
}

/** A copy of a database on its server. */
export interface DatabaseBackup {
  /** Replaces the database by the copy. Breaks all connections to it; those that are opened afterwards find the copy. */
  restore(): Promise<void>;
}

/** Copies a database file by file, as a physical backup does. Breaks all connections to it. */
export async function backUpDatabase(url: string): Promise<DatabaseBackup> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = 'postgres';
  const copy = `${name}_backup`;
  const disconnect = async () => {
    await execute(server.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await execute(
      server.href,
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
  };
  await disconnect();
  await execute(server.href, `CREATE DATABASE ${copy} TEMPLATE ${name}`);
  await execute(server.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  return {
    async restore() {
      await disconnect();
      await execute(server.href, `DROP DATABASE ${name}`);
      await execute(server.href, `ALTER DATABASE ${copy} RENAME TO ${name}`);
    },
  };
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
