import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { createPostgresLive } from '../live/postgres-notify.ts';
import type { Db } from '../store/db/db.ts';
import { openStore } from '../store/open-store.ts';
import type { HostOptions } from './host-options.ts';

/** A store with its live channel. */
export interface HostStore {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly close: () => Promise<void>;
}

/** The options that select a store. */
export type HostStoreOptions = Pick<HostOptions, 'databaseUrl' | 'dataDir' | 'archivesDir'>;

/**
 * Opens a store and the live channel that goes with it: PostgreSQL, or an embedded store in `dataDir`, or in memory
 * without either. The caller must hold the lock of `dataDir`.
 */
export async function openHostStore({ databaseUrl, dataDir, archivesDir }: HostStoreOptions): Promise<HostStore> {
  const db = await openStore({ ...(databaseUrl === undefined ? { dataDir } : { databaseUrl }), archivesDir });
  const live = databaseUrl === undefined ? createInProcessLive() : createPostgresLive({ databaseUrl });
  return {
    db,
    live,
    async close() {
      await live.close();
      await db.close();
    },
  };
}
