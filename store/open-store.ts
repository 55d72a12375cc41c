import { join } from 'node:path';
import { archiveFolder } from './db/archive-folder.ts';
import type { Db } from './db/db.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './db/pglite.ts';
import { openPostgres } from './db/postgres.ts';

export interface StoreOptions {
  /** A served PostgreSQL; wins over `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** The folder of the embedded server's and store's files (`PERDURE_DATA`); the store's are in `store` under it. */
  readonly dataDir?: string | undefined;
  /** A folder for archives (`PERDURE_ARCHIVES`). Default: they are kept in the store. */
  readonly archivesDir?: string | undefined;
  /** Connections to a served PostgreSQL at most. Default 10. */
  readonly poolSize?: number | undefined;
}

/** Opens the store and brings its schema up to date. With neither address nor folder it is in memory and forgotten at the end. */
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
