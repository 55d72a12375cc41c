import { Client } from 'pg';
import { openStore } from '../../../store/open-store.ts';

/** A database of the run's server, with the whole schema and no rows. Nothing connects to it, so that others can be copies of it. */
export const MIGRATED_DATABASE = 'migrated';

export async function migrateDatabase(serverUrl: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${MIGRATED_DATABASE}`).finally(() => client.end());
  const url = new URL(serverUrl);
  url.pathname = MIGRATED_DATABASE;
  await (await openStore({ databaseUrl: url.href })).close();
}
