import { Client, type QueryResult } from 'pg';
import { postgresConfig } from '../core/postgres/postgres-config.ts';

const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** The timeout of a query. After a fail-over the old server may never reply nor close the connection. */
const QUERY_TIMEOUT_MS = 5_000;

/** Overrides a limit of the database or the role, which would end the connection while nothing happens. PostgreSQL 14 and later have it. */
const KEEP_IDLE = `SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('idle_session_timeout', true) IS NOT NULL`;

export interface LastingConnection {
  /** Runs queries one at a time, in order. Rejects while disconnected, and when the connection breaks. */
  readonly query: (sql: string, params?: unknown[]) => Promise<QueryResult>;
  readonly isOpen: boolean;
  /** Whether a query succeeds now. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Keeps one connection open. Replaces a broken one after a delay that grows from 0.1 s to 5 s. `opened` prepares each new
 * connection; the queries that it issues run before any issued later. If it rejects, the connection is closed and opened again.
 */
export function openLastingConnection(
  databaseUrl: string,
  applicationName: string,
  opened: (client: Client, query: LastingConnection['query']) => Promise<void>,
): LastingConnection {
  const config = postgresConfig(databaseUrl);
  let client: Client | undefined;
  let closed = false;
  let delayMs = MIN_DELAY_MS;
  let timer: NodeJS.Timeout | undefined;
  let opening = Promise.resolve();
  let last: Promise<unknown> = Promise.resolve();

  async function query(sql: string, params: unknown[] = []): Promise<QueryResult> {
    const result = last.then(async () => {
      if (client === undefined) throw new Error('The live channel is not connected to PostgreSQL.');
      const used = client;
      return used.query(sql, params).catch((error: unknown) => {
        // The server no longer replies on this connection: `lost` replaces it.
        if (error instanceof Error && error.message === 'Query read timeout') used.emit('error', error);
        throw error;
      });
    });
    last = result.catch(() => undefined);
    return result;
  }

  function retry(): void {
    if (closed) return;
    timer = setTimeout(() => {
      opening = connect();
    }, delayMs);
    timer.unref();
    delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
  }

  async function connect(): Promise<void> {
    const fresh = new Client({
      application_name: applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: QUERY_TIMEOUT_MS,
      ...config,
    });
    let broken = false;
    const lost = (): void => {
      if (broken) return;
      broken = true;
      if (client === fresh) client = undefined;
      fresh.end().catch(() => undefined);
      retry();
    };
    fresh.on('error', lost);
    fresh.on('end', lost);
    try {
      await fresh.connect();
      await fresh.query(KEEP_IDLE);
      if (closed) return lost();
      client = fresh;
      await opened(fresh, query);
      delayMs = MIN_DELAY_MS;
    } catch {
      lost();
    }
  }

  opening = connect();
  return {
    query,
    get isOpen() {
      return client !== undefined;
    },
    async ping() {
      try {
        await query('SELECT 1');
        return true;
      } catch {
        return false;
      }
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await opening;
      await client?.end().catch(() => undefined);
      client = undefined;
    },
  };
}
