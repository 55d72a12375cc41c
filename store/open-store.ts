import { join } from 'node:path';
import { archiveFolder } from './db/archive-folder.ts';
import type { Db } from './db/db.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './db/pglite.ts';
import { openPostgres } from './db/postgres.ts';

export interface StoreOptions {
  /** Connection URL of a PostgreSQL server. Takes precedence over `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** Data folder (`PERDURE_DATA`). The embedded store uses its subfolder `store`. */
  readonly dataDir?: string | undefined;
  /** Folder for archives (`PERDURE_ARCHIVES`). Default: archives are stored in the database. */
  readonly archivesDir?: string | undefined;
  /** Maximum number of connections to a PostgreSQL server. Default 10. */
  readonly poolSize?: number | undefined;
}

/** Opens the store and migrates its schema. Without `databaseUrl` and `dataDir` it is in memory and lost when closed. Throws `store_unavailable`. */
export async function openStore(options: StoreOptions): Promise<Db> {
  const db = await choose(options);
  try {
    await migrate(db);
  } catch (error) {
    await db.close();
    throw error;
  }
  return options.archivesDir ? { ...db, archives: archiveFolder(options.archivesDir) } : db;
}

async function choose({ databaseUrl, dataDir, poolSize }: StoreOptions): Promise<Db> {
  if (databaseUrl) return await openPostgres(databaseUrl, { poolSize });
  return await openPglite(dataDir ? join(dataDir, 'store') : 'memory://');
}
