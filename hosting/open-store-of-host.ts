import { resolve } from 'node:path';
import { acquireDataLock } from '../dev-server/index.ts';
import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { createPostgresLive } from '../live/postgres-notify.ts';
import type { Db } from '../store/db/db.ts';
import { openStore } from '../store/open-store.ts';
import type { HostOptions } from './host-options.ts';

/** A store and the live channel that belongs to it. */
export interface HostStore {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly close: () => Promise<void>;
}

type StoreChoice = Pick<HostOptions, 'databaseUrl' | 'dataDir' | 'archivesDir'>;

/** Embedded stores of this process that are open, by their folder. */
const embedded = new Map<string, { users: number; readonly opened: Promise<HostStore> }>();

/** Opens the chosen store. Throws a TypeError unless exactly one of `databaseUrl` and `dataDir` is given. */
export async function openStoreOfHost({ databaseUrl, dataDir, archivesDir }: StoreChoice): Promise<HostStore> {
  if ((databaseUrl === undefined) === (dataDir === undefined)) {
    throw new TypeError('Give either databaseUrl (a PostgreSQL) or dataDir (a folder for an embedded store).');
  }
  if (dataDir !== undefined) return shareEmbedded(resolve(dataDir), archivesDir);
  const url = databaseUrl as string;
  const db = await openStore({ databaseUrl: url, archivesDir });
  return over(db, createPostgresLive({ databaseUrl: url }));
}

/** A store in memory, for tests. */
export async function openMemoryStore(): Promise<HostStore> {
  return over(await openStore({}), createInProcessLive());
}

/** The folder's store: opened by its first user, closed by its last. */
async function shareEmbedded(folder: string, archivesDir: string | undefined): Promise<HostStore> {
  const shared = embedded.get(folder) ?? { users: 0, opened: openEmbedded(folder, archivesDir) };
  shared.users += 1;
  embedded.set(folder, shared);
  let closed = false;
  const leave = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    shared.users -= 1;
    if (shared.users > 0) return;
    embedded.delete(folder);
    await shared.opened.then((store) => store.close());
  };
  try {
    const { db, live } = await shared.opened;
    return { db, live, close: leave };
  } catch (error) {
    embedded.delete(folder);
    throw error;
  }
}

async function openEmbedded(dataDir: string, archivesDir: string | undefined): Promise<HostStore> {
  const lock = await acquireDataLock(dataDir);
  try {
    const store = over(await openStore({ dataDir, archivesDir }), createInProcessLive());
    return { ...store, close: () => store.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function over(db: Db, live: LiveChannel): HostStore {
  return {
    db,
    live,
    async close() {
      await live.close();
      await db.close();
    },
  };
}
