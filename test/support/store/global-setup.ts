import type { TestProject } from 'vitest/node';
import { MIGRATED_STORE } from './memory-store.ts';
import { migratedStore } from './migrated-store.ts';
import { migrateDatabase } from './migrated-database.ts';
import { startPostgres } from './postgres-server.ts';

/** Starts the PostgreSQL server that the test files of a run share, and migrates the stores that they copy. Each file has its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env[MIGRATED_STORE] = await migratedStore();
  const server = await startPostgres();
  await migrateDatabase(server.url);
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}
