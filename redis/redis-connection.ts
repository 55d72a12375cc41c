import { createClient } from 'redis';
import { inTime, RedisTimeout } from './in-time.ts';

/** How long a connection may take until Redis has replied on it. */
const CONNECT_MS = 2_000;
/** Interval of checks of a connection, and how long one may take. */
const CHECK_EVERY_MS = 1_000;
const CHECK_MS = 500;
const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;

/** A client that is not connected, and does not reconnect. */
export function newRedisClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    // Neither needs to be allowed by an access list.
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
  });
}

export type RedisClient = ReturnType<typeof newRedisClient>;

/** Redis cannot be used now: nothing was sent. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';

  constructor() {
    super('Redis is not connected.');
  }
}

export interface RedisConnection {
  /** Whether Redis has replied to everything lately. */
  readonly isOpen: boolean;
  /** The error with which it was last lost, or could not be opened; undefined before the first one. */
  readonly lastError: unknown;
  /**
   * Sends commands, and rejects if Redis has not replied to them within `ms`. From then on the connection is not open until a check has
   * succeeded: a Redis that does not reply costs the time-out of what was sent at that moment, and nothing later.
   */
  use<T>(ms: number, work: (client: RedisClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  /** A command that shows whether the connection is of use. Default: a ping. */
  readonly probe?: (client: RedisClient) => Promise<unknown>;
  /** Prepares a new connection, before it counts as open. If it rejects, the connection is opened again. */
  readonly prepare?: (client: RedisClient) => Promise<void>;
  /** Called when `isOpen` changes. */
  readonly onChange?: (isOpen: boolean) => void;
}

/** Keeps one connection to Redis. Replaces a broken one after a delay that grows from 0.1 s to 5 s. */
export function openRedisConnection(url: string, handlers: ConnectionHandlers = {}): RedisConnection {
  const { probe = (client) => client.ping(), prepare, onChange } = handlers;
  let client: RedisClient | undefined;
  let isOpen = false;
  let isClosed = false;
  let lastError: unknown;
  let delayMs = MIN_DELAY_MS;
  let retryTimer: NodeJS.Timeout | undefined;
  let checking: Promise<void> | undefined;

  function setOpen(next: boolean): void {
    if (next === isOpen || (next && isClosed)) return;
    isOpen = next;
    onChange?.(next);
  }

  async function connect(): Promise<void> {
    const fresh = newRedisClient(url);
    // Also emitted by a client that was replaced; without a listener it would end the process.
    fresh.on('error', (error) => lose(fresh, error));
    fresh.on('end', () => lose(fresh));
    client = fresh;
    try {
      await inTime(
        CONNECT_MS,
        fresh.connect().then(() => probe(fresh)),
      );
      await inTime(CONNECT_MS, prepare?.(fresh) ?? Promise.resolve());
      if (client !== fresh || isClosed) return;
      delayMs = MIN_DELAY_MS;
      setOpen(true);
    } catch (error) {
      lose(fresh, error);
    }
  }

  /** Replaces a connection that is broken. */
  function lose(broken: RedisClient, error?: unknown): void {
    if (client !== broken) return;
    client = undefined;
    lastError = error;
    setOpen(false);
    destroy(broken);
    if (isClosed) return;
    retryTimer = setTimeout(() => void connect(), delayMs);
    retryTimer.unref();
    delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
  }

  /** Opens the connection again if Redis replies on it; otherwise replaces it. */
  async function check(): Promise<void> {
    const used = client;
    if (!used?.isReady) return;
    try {
      await inTime(CHECK_MS, probe(used));
      if (client === used) setOpen(true);
    } catch (error) {
      lose(used, error);
    }
  }

  const checkOnce = (): void => {
    checking ??= check().finally(() => {
      checking = undefined;
    });
  };
  const checks = setInterval(() => {
    if (isOpen) checkOnce();
  }, CHECK_EVERY_MS);
  checks.unref();
  void connect();

  return {
    get isOpen() {
      return isOpen;
    },
    get lastError() {
      return lastError;
    },
    async use(ms, work) {
      const used = client;
      if (!isOpen || !used) throw new RedisAway();
      try {
        return await inTime(ms, work(used));
      } catch (error) {
        if (error instanceof RedisTimeout && client === used) {
          setOpen(false);
          checkOnce();
        }
        throw error;
      }
    },
    async close() {
      isClosed = true;
      clearInterval(checks);
      clearTimeout(retryTimer);
      const used = client;
      client = undefined;
      setOpen(false);
      if (used) destroy(used);
      await checking;
    },
  };
}

function destroy(client: RedisClient): void {
  try {
    client.destroy();
  } catch {
    // It was closed before.
  }
}
