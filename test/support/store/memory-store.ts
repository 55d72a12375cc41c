import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';

/** The variable with the path of `migratedStore()`, which the global setup sets for the processes of the tests. */
export const MIGRATED_STORE = 'PERDURE_TEST_MIGRATED_STORE';

/** Opens an empty store in memory. It begins with the migrated schema, where the run has one: migrating takes longer than most tests. */
export async function openMemoryStore(): Promise<Db> {
  return await openStore({ begin: process.env[MIGRATED_STORE] });
}
