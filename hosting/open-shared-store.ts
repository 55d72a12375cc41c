import { resolve } from 'node:path';
import { acquireDataLock } from '../dev-server/index.ts';
import { openHostStore, type HostStore, type HostStoreOptions } from './open-host-store.ts';

/** The open embedded stores of this process, by folder. */
const embedded = new Map<string, { users: number; readonly opened: Promise<HostStore> }>();

/**
 * Opens the store that the options select. A worker and a gateway of one process share an embedded store.
 * @throws {TypeError} unless exactly one of `databaseUrl` and `dataDir` is set.
 * @throws {DataFolderInUseError} when another process owns `dataDir`.
 */
export async function openSharedStore({ databaseUrl, dataDir, ...rest }: HostStoreOptions): Promise<HostStore> {
  if ((databaseUrl === undefined) === (dataDir === undefined)) {
    throw new TypeError(
      'Set exactly one of the options "databaseUrl" (PostgreSQL) and "dataDir" (the folder of an embedded store).',
    );
  }
  if (dataDir !== undefined) return shareEmbedded(resolve(dataDir), rest);
  return openHostStore({ databaseUrl, ...rest });
}

/** The first user of a folder opens its store, and the last one closes it. */
async function shareEmbedded(folder: string, rest: HostStoreOptions): Promise<HostStore> {
  const shared = embedded.get(folder) ?? { users: 0, opened: openEmbedded(folder, rest) };
  shared.users += 1;
  embedded.set(folder, shared);
  let closed = false;
  const release = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    shared.users -= 1;
    if (shared.users > 0) return;
    embedded.delete(folder);
    await shared.opened.then((store) => store.close());
  };
  try {
    const { db, live } = await shared.opened;
    return { db, live, close: release };
  } catch (error) {
    embedded.delete(folder);
    throw error;
  }
}

async function openEmbedded(dataDir: string, rest: HostStoreOptions): Promise<HostStore> {
  const lock = await acquireDataLock(dataDir);
  try {
    const store = await openHostStore({ ...rest, dataDir });
    return { ...store, close: () => store.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}
