import { prepareDatabaseThread } from '../store/db/database-thread.ts';
import type { HostStoreOptions } from './open-host-store.ts';

/**
 * Begins to open an embedded store, for `openHostStore`, while the process loads its code. The caller must hold the lock of
 * `dataDir`. Disposing closes what was opened unless it is in use.
 */
export function prepareHostStore({ databaseUrl, dataDir }: HostStoreOptions): AsyncDisposable | null {
  return databaseUrl === undefined && dataDir !== undefined ? prepareDatabaseThread(dataDir) : null;
}
