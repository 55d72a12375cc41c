import type { ConnectionSettings } from '../../client/temporal/connection-options.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError } from '../shared/exit-codes.ts';
import { findConnection, readTemporal } from '../services/temporal-settings.ts';
import { checkBuilds } from './check-builds.ts';
import { checkTemporal } from './check-temporal.ts';
import { checkWorker } from './check-worker.ts';
import type { Finding } from './finding.ts';

const NO_TEMPORAL: Finding = {
  check: 'Temporal',
  state: 'note',
  found: 'not running; `perdure start` starts one',
  remedy: 'To use another server, set TEMPORAL_ADDRESS.',
};

/** Without a server of one's own, whatever listens on Temporal's default port is someone else's. */
const NO_WORKER: Finding = { check: 'Worker', state: 'note', found: 'unknown without Temporal', remedy: null };

/** Checks the configured Temporal server, or the one of the data folder. */
export async function checkTemporalServer(
  { url }: CommandDeps,
  env: NodeJS.ProcessEnv,
  inMemory: Promise<boolean>,
): Promise<Finding[]> {
  const connection = connectionOf(env);
  if (connection instanceof CliError)
    return [{ check: 'Temporal', state: 'problem', found: connection.message, remedy: null }];
  if (connection !== null) return checkTemporal(connection);
  if (!(await inMemory)) return [NO_TEMPORAL];
  const found = `in memory, in the process of the gateway at ${url}`;
  return [{ check: 'Temporal', state: 'ok', found, remedy: null }];
}

/** Checks that a worker serves, and with a configured Temporal server the builds of workers. */
export async function checkWorkers(
  deps: CommandDeps,
  env: NodeJS.ProcessEnv,
  inMemory: Promise<boolean>,
): Promise<Finding[]> {
  const connection = connectionOf(env);
  if (connection instanceof CliError) return [NO_WORKER];
  if (connection === null) return [(await inMemory) ? await checkWorker(deps, null, false) : NO_WORKER];
  const isConfigured = readTemporal(env).address !== undefined;
  const [worker, builds] = await Promise.all([
    checkWorker(deps, connection, isConfigured),
    isConfigured ? checkBuilds(env, connection) : [],
  ]);
  return [worker, ...builds];
}

function connectionOf(env: NodeJS.ProcessEnv): ConnectionSettings | CliError | null {
  try {
    return findConnection(env);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}
