import { resolve } from 'node:path';
import { acquireDataLock } from '../dev-server/index.ts';
import { openHostStore, type HostStore, type HostStoreOptions } from './open-host-store.ts';

/** The open embedded stores of this process, by folder; null: in memory. */
const embedded = new Map<string | null, { users: number; readonly opened: Promise<HostStore> }>();

/**
 * Opens the store that the options select. A worker and a gateway of one process share an embedded store.
 * @throws {TypeError} unless exactly one of `databaseUrl`, `dataDir` and `inMemory` is set, and for archives of a store in memory.
 * @throws {DataFolderInUseError} when another process owns `dataDir`.
 */
export async function openSharedStore(options: HostStoreOptions): Promise<HostStore> {
  const { databaseUrl, dataDir, inMemory = false, ...rest } = options;
  const chosen = [databaseUrl !== undefined, dataDir !== undefined, inMemory];
  if (chosen.filter(Boolean).length !== 1) {
    throw new TypeError(
      'Set exactly one of the options "databaseUrl" (PostgreSQL), "dataDir" (the folder of an embedded store) and "inMemory".',
    );
  }
  if (databaseUrl !== undefined) return openHostStore({ databaseUrl, ...rest });
  if (dataDir !== undefined) return shareEmbedded(resolve(dataDir), rest);
  if (rest.archivesDir === undefined) return shareEmbedded(null, rest);
  throw new TypeError('A store in memory writes no archives. Leave out the option "archivesDir", or "inMemory".');
}

/** The first user of a folder, or of the memory, opens its store, and the last one closes it. */
async function shareEmbedded(folder: string | null, rest: HostStoreOptions): Promise<HostStore> {
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

async function openEmbedded(dataDir: string | null, rest: HostStoreOptions): Promise<HostStore> {
  if (dataDir === null) return openHostStore(rest);
  const lock = await acquireDataLock(dataDir);
  try {
    const store = await openHostStore({ ...rest, dataDir });
    return { ...store, close: () => store.close().finally(() => lock.release()) };
  } catch (error) {
    lock.release();
    throw error;
  }
}
