import { Pool, types, type PoolClient, type PoolConfig, type QueryResult } from 'pg';
import { postgresConfig } from '../../core/postgres/postgres-config.ts';
import type { Db, Tx } from './db.ts';
import { prepareSession } from './postgres-session.ts';
import { sanitizeParams } from './sanitize.ts';
import { statementNames } from './statement-names.ts';
import { driverCall, nullOnConflict, retryConflicts, storeFailure } from './store-failure.ts';

const TIMESTAMPTZ: number = types.builtins.TIMESTAMPTZ;
/** Widened: the declared type accepts only the OIDs that `pg` names, but a server has more. */
const getTypeParser: (oid: number, format?: 'text' | 'binary') => unknown = types.getTypeParser;

/** Bounds how long a worker that dies inside a transaction keeps its session locked. */
const IDLE_IN_TRANSACTION_MS = 30_000;
const CONNECT_MS = 5_000;
/** Server-side limit of one statement. */
const STATEMENT_MS = 15_000;
/** Client-side limit of one statement: a server cut off by a fail-over never responds. */
const RESPONSE_MS = 20_000;

const TIME_LIMITS = {
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  statement_timeout: STATEMENT_MS,
  query_timeout: RESPONSE_MS,
};

/** Client-side limit of an urgent statement, and of its connection: a later result is of no use. */
const URGENT_MS = 2_000;

/**
 * The defaults of a server or a database apply until a statement changes them, and could interrupt that statement too. So
 * the limit is a startup parameter. It is the longest there is, because the driver does not send 0, which means none.
 */
const NO_TIME_LIMIT = { statement_timeout: 2_147_483_647 };

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error, '(PostgreSQL at DATABASE_URL)');
  }
}

export interface PostgresOptions {
  /** Maximum number of connections. Default 10. */
  readonly poolSize?: number | undefined;
  /** Whether statements and idle transactions have limits of time. Default true. False for migrations. */
  readonly isTimed?: boolean;
}

/**
 * Opens a PostgreSQL server. Connections are opened on demand, so an unreachable server is reported by the first statement.
 * @throws {PerdureError} `invalid_request` for an invalid URL.
 */
export async function openPostgres(databaseUrl: string, options: PostgresOptions = {}): Promise<Db> {
  const limits = options.isTimed === false ? NO_TIME_LIMIT : TIME_LIMITS;
  const pool = openPool(databaseUrl, { max: options.poolSize ?? 10, connectionTimeoutMillis: CONNECT_MS, ...limits });
  const urgent = openPool(databaseUrl, {
    ...TIME_LIMITS,
    max: 1,
    connectionTimeoutMillis: URGENT_MS,
    query_timeout: URGENT_MS,
  });
  return {
    kind: 'postgres',
    urgent: {
      query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
        await guarded(async () => await txOf(urgent).query<R>(sql, params)),
    },
    query: async <R extends object>(sql: string, params?: readonly unknown[]) =>
      await guarded(async () => await txOf(pool).query<R>(sql, params)),
    attempt: async <R extends object>(sql: string, params: readonly unknown[]) =>
      await guarded(async () => await nullOnConflict(async () => await txOf(pool).query<R>(sql, params))),
    transaction: async (work) =>
      await guarded(async () => await retryConflicts(async () => await inTransaction(pool, work))),
    close: async () => {
      await Promise.all([pool, urgent].map(async (one) => one.ending || (await one.end())));
    },
  };
}

/** Opens a pool of connections, each of which is opened on demand. */
function openPool(databaseUrl: string, limits: PoolConfig): Pool {
  const pool = new Pool({
    ...limits,
    keepAlive: true,
    application_name: 'perdure',
    types: { getTypeParser: typeParser },
    ...postgresConfig(databaseUrl),
    onConnect: prepareSession,
  });
  // The pool replaces an idle connection that breaks; without a listener the error would end the process.
  pool.on('error', () => {});
  return pool;
}

async function inTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await driverCall(() => pool.connect());
  let broken = false;
  // Emitted when the connection breaks between two statements; the next statement rejects as well.
  const onError = () => {
    broken = true;
  };
  client.on('error', onError);
  try {
    await driverCall(() => client.query('BEGIN ISOLATION LEVEL READ COMMITTED'));
    const result = await work(txOf(client));
    await driverCall(() => client.query('COMMIT'));
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onError);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** Statements stay prepared per connection. Behind PgBouncer this requires version 1.21 with `max_prepared_statements`. */
const nameOf = statementNames();

function txOf(connection: Pool | PoolClient): Tx {
  return {
    query: <R extends object>(sql: string, params?: readonly unknown[]) =>
      driverCall(async () => {
        if (params !== undefined)
          return (await connection.query({ name: nameOf(sql), text: sql, values: sanitizeParams(params) })).rows as R[];
        const results: unknown = await connection.query(sql);
        const last = (Array.isArray(results) ? results.at(-1) : results) as QueryResult | undefined;
        return (last?.rows ?? []) as R[];
      }),
  };
}

function typeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  const parse = getTypeParser(oid, format) as (value: string) => unknown;
  return oid === TIMESTAMPTZ ? (value) => (parse(value) as Date).toISOString() : parse;
}
