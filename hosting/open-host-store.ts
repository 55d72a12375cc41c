import type { Deployment } from '../contracts/deployment.ts';
import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { createPostgresLive } from '../live/postgres-notify.ts';
import { openRedis, type Redis } from '../redis/open-redis.ts';
import { parseRedisUrl } from '../redis/redis-url.ts';
import type { Db } from '../store/db/db.ts';
import { openStore } from '../store/open-store.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { HostOptions } from './host-options.ts';

export { mayPass } from '../store/db/store-failure.ts';

/** A store with its live channel. */
export interface HostStore {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Absent without one. */
  readonly redis?: Redis | undefined;
  readonly close: () => Promise<void>;
}

/** The options that select a store. */
export type HostStoreOptions = Pick<HostOptions, 'databaseUrl' | 'redisUrl' | 'dataDir' | 'inMemory' | 'archivesDir'> &
  Pick<Deployment, 'attachments' | 'redis'> & { readonly telemetry?: Telemetry | undefined };

/**
 * Opens a store and the live channel that goes with it: PostgreSQL, or an embedded store in `dataDir`, or in memory
 * without either, with the contents of attachments. The caller must hold the lock of `dataDir`. `onWait` is called before a wait for another process that is
 * migrating the store.
 */
export async function openHostStore(
  { databaseUrl, redisUrl, dataDir, archivesDir, attachments, redis: settings, telemetry }: HostStoreOptions,
  onWait?: (line: string) => void,
): Promise<HostStore> {
  // An invalid URL is reported before anything is opened.
  if (redisUrl !== undefined) parseRedisUrl(redisUrl);
  const db = await openStore({
    ...(databaseUrl === undefined ? { dataDir } : { databaseUrl }),
    archivesDir,
    ...(databaseUrl === undefined && dataDir === undefined ? {} : { attachments }),
    onWait,
  });
  const redis =
    databaseUrl === undefined || redisUrl === undefined
      ? undefined
      : openRedis({ redisUrl, databaseUrl, settings, telemetry });
  const live = redis?.live ?? (databaseUrl === undefined ? createInProcessLive() : createPostgresLive({ databaseUrl }));
  return {
    db,
    live,
    ...(redis ? { redis } : {}),
    async close() {
      await (redis ?? live).close();
      await db.close();
    },
  };
}
