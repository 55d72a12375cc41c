import { Client, type QueryResult } from 'pg';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A server that a fail-over has cut off says nothing at all: no query waits longer than this. */
const ANSWER_MS = 5_000;

export interface LastingConnection {
  /** One at a time, in order. Rejects when there is no connection, or it breaks. */
  readonly query: (sql: string, params?: unknown[]) => Promise<QueryResult>;
  readonly isOpen: boolean;
  /** Whether the server answers now. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Keeps one connection open: a broken one is replaced, after pauses that grow from 0.1 to 5 s.
 * `opened` prepares each new connection, by then in use: its queries go before later ones of others. When it
 * rejects, the connection is given up and tried again.
 */
export function openLastingConnection(
  databaseUrl: string,
  applicationName: string,
  opened: (client: Client, query: LastingConnection['query']) => Promise<void>,
): LastingConnection {
  let client: Client | undefined;
  let closed = false;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let opening = Promise.resolve();
  let last: Promise<unknown> = Promise.resolve();

  async function query(sql: string, params: unknown[] = []): Promise<QueryResult> {
    const answer = last.then(async () => {
      if (client === undefined) throw new Error('There is no connection.');
      const used = client;
      return used.query(sql, params).catch((error: unknown) => {
        // The connection says nothing any more: it is given up, and `lost` replaces it.
        if (error instanceof Error && error.message === 'Query read timeout') used.emit('error', error);
        throw error;
      });
    });
    last = answer.catch(() => undefined);
    return answer;
  }

  function retry(): void {
    if (closed) return;
    timer = setTimeout(() => {
      opening = connect();
    }, pauseMs);
    timer.unref();
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async function connect(): Promise<void> {
    const fresh = new Client({
      connectionString: databaseUrl,
      application_name: applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: ANSWER_MS,
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
      if (closed) return lost();
      client = fresh;
      await opened(fresh, query);
      pauseMs = FIRST_PAUSE_MS;
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
    async answers() {
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
