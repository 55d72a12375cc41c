import type { AttachmentSettings } from '../contracts/attachments/attachment-settings.ts';
import { archiveFolder } from './db/archive-folder.ts';
import type { Db } from './db/db.ts';
import { attachmentPlaces } from './places/attachment-places.ts';
import { migrate, type MigrationOptions } from './migrate.ts';
import { databasePath } from './db/database-thread.ts';
import { openPglite } from './db/pglite.ts';
import { requireUtf8 } from './db/postgres-session.ts';
import { openPostgres } from './db/postgres.ts';

export interface StoreOptions {
  /** Connection URL of a PostgreSQL server. Takes precedence over `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** Data folder (`PERDURE_DATA`). The embedded store uses its subfolder `store`. */
  readonly dataDir?: string | undefined;
  /** What a store in memory begins with, as the path of a data folder that PGlite has dumped. Default: an empty database. For tests. */
  readonly begin?: string | undefined;
  /** Folder for archives (`PERDURE_ARCHIVES`). Default: archives are stored in the database. */
  readonly archivesDir?: string | undefined;
  /** Where the contents of attachments are kept. Default: in the database. */
  readonly attachments?: AttachmentSettings | undefined;
  /** Maximum number of connections to a PostgreSQL server. Default 10. */
  readonly poolSize?: number | undefined;
  /** As of {@link MigrationOptions}. */
  readonly onWait?: MigrationOptions['onWait'];
}

/** Opens the store and migrates its schema. Without `databaseUrl` and `dataDir` it is in memory and lost when closed. Throws `store_unavailable`. */
export async function openStore(options: StoreOptions): Promise<Db> {
  const db = await choose(options);
  try {
    await requireUtf8(db);
    if (options.databaseUrl) await migrateServer(options.databaseUrl, options);
    else await migrate(db, options);
  } catch (error) {
    await db.close();
    throw error;
  }
  const places = attachmentPlaces(options.attachments);
  return {
    ...db,
    ...(options.archivesDir ? { archives: archiveFolder(options.archivesDir) } : {}),
    places,
    async close() {
      for (const place of places.all) place.close();
      await db.close();
    },
  };
}

/** Migrates over connections of its own, which have no limits of time: one takes the turn, the other one does the work. */
async function migrateServer(databaseUrl: string, options: MigrationOptions): Promise<void> {
  const db = await openPostgres(databaseUrl, { poolSize: 2, isTimed: false });
  try {
    await migrate(db, options);
  } finally {
    await db.close();
  }
}

async function choose({ databaseUrl, dataDir, begin, poolSize }: StoreOptions): Promise<Db> {
  if (databaseUrl) return await openPostgres(databaseUrl, { poolSize });
  return await (dataDir ? openPglite(databasePath(dataDir)) : openPglite('memory://', begin));
}
