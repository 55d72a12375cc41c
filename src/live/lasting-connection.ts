import { Client } from 'pg';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface LastingConnection {
  /** The open connection; undefined while there is none. */
  current(): Client | undefined;
  close(): Promise<void>;
}

/**
 * Keeps one connection open: a broken one is replaced, after pauses that grow from 0.1 to 5 s.
 * `opened` prepares each new connection, which is current by then: queries of others go after its first one.
 * When it rejects, the connection is given up and tried again.
 */
export function openLastingConnection(
  databaseUrl: string,
  applicationName: string,
  opened: (client: Client) => Promise<void>,
): LastingConnection {
  let client: Client | undefined;
  let closed = false;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let opening = Promise.resolve();

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
      await opened(fresh);
      pauseMs = FIRST_PAUSE_MS;
    } catch {
      lost();
    }
  }

  opening = connect();
  return {
    current: () => client,
    async close() {
      closed = true;
      clearTimeout(timer);
      await opening;
      await client?.end().catch(() => undefined);
      client = undefined;
    },
  };
}
