import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres-server.ts';

/** Starts the PostgreSQL server that all test files of a run share; each file makes a database of its own in it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}
