import type { RedisSettings } from '../contracts/redis-settings.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { createContextCopies, type ContextCopies } from './context-copies.ts';
import { openRedisConnection } from './redis-connection.ts';
import { createRedisLive } from './redis-live.ts';
import { DEFAULT_PREFIX } from './redis-keys.ts';
import { parseRedisUrl } from './redis-url.ts';
import { codeOf, tlsProblemOf } from './tls-problem.ts';

/** A Redis that does not respond within this time after the start is reported. */
const START_MS = 5_000;

/** The hot state of sessions. Nothing in it is needed: the store has every fact. */
export interface Redis {
  readonly live: LiveChannel;
  readonly contexts: ContextCopies;
  /** Whether it is used now. Otherwise messages go over PostgreSQL, and contexts are read from the store. */
  readonly isUsed: boolean;
  close(): Promise<void>;
}

export interface RedisOptions {
  /** `REDIS_URL`: `redis://user:password@host:port`, or `rediss://…` for TLS. */
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly settings?: RedisSettings | undefined;
  readonly telemetry?: Pick<Telemetry, 'log' | 'metrics'> | undefined;
}

/** Connects to Redis in the background. Throws `invalid_request` for an invalid URL. */
export function openRedis({ redisUrl, databaseUrl, settings = {}, telemetry }: RedisOptions): Redis {
  const { url } = parseRedisUrl(redisUrl);
  const { expiryMs = LIMITS.redisExpiryMs.value, prefix = DEFAULT_PREFIX } = settings;
  const { log, metrics } = telemetry ?? {};
  let isUsed = false;
  let isClosed = false;
  metrics?.redisUp.set({}, 0);
  const report = (): void => {
    const problem = tlsProblemOf(codeOf(connection.lastError));
    const meanwhile = 'PostgreSQL carries the live messages, and contexts are read from the store';
    log?.warn(`Redis ${problem?.found ?? 'does not respond'}; ${meanwhile}${problem ? `. ${problem.remedy}` : ''}`);
  };
  const unreachable = setTimeout(report, START_MS);
  unreachable.unref();
  const connection = openRedisConnection(url, {
    // A write, of no effect: a server that became a replica refuses it, and what is published there does not reach its primary.
    probe: (client) => client.pExpire(`${prefix}::probe`, 1),
    onChange: () => live.connectionChanged(),
  });
  const live = createRedisLive({
    connection,
    redisUrl: url,
    prefix,
    databaseUrl,
    expiryMs,
    onChange(used) {
      isUsed = used;
      metrics?.redisUp.set({}, used ? 1 : 0);
      clearTimeout(unreachable);
      if (used) return log?.info('Redis responds and is used');
      if (isClosed) return;
      metrics?.redisOutages.add({});
      report();
    },
    onTextRead: (outcome) => metrics?.redisTexts.add({ outcome }),
  });
  const contexts = createContextCopies({
    connection,
    prefix,
    expiryMs,
    onOutcome: (outcome) => metrics?.redisContexts.add({ outcome }),
  });
  return {
    live,
    contexts,
    get isUsed() {
      return isUsed;
    },
    async close() {
      isClosed = true;
      clearTimeout(unreachable);
      await live.close();
      await connection.close();
    },
  };
}
