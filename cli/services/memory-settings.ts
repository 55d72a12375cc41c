import { devNull } from 'node:os';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import type { ServiceSettings } from './temporal-settings.ts';

/** What `perdure start --memory` says first. */
export const IN_MEMORY_NOTICE = 'Everything is in memory: sessions and all other data are lost when this process ends.';

/**
 * The settings of `perdure start --memory`: a store and a Temporal server in memory.
 * @throws {CliError} for settings that name a place for the data, or another server.
 */
export function inMemory(settings: ServiceSettings, env: NodeJS.ProcessEnv): ServiceSettings {
  const { databaseUrl, archivesDir, temporal } = settings;
  const conflicts = [
    ...(databaseUrl === undefined ? [] : ['DATABASE_URL']),
    ...(temporal.address === undefined
      ? []
      : [env['TEMPORAL_ADDRESS'] ? 'TEMPORAL_ADDRESS' : 'the address in a profile of TEMPORAL_PROFILE']),
    ...(env['PERDURE_DATA'] ? ['a data folder (--data or PERDURE_DATA)'] : []),
    ...(archivesDir === undefined ? [] : ['PERDURE_ARCHIVES']),
  ];
  if (conflicts.length === 0) return { ...settings, dataDir: undefined };
  throw new CliError(
    `--memory keeps everything in this process, and cannot be used with ${conflicts.join(' and ')}. Unset that, also in the file .env, or start without --memory.`,
    EXIT.usage,
  );
}

/** The environment of agents: without `PERDURE_NOTES`, the tool `send_note` writes no file. */
export function withoutNotes(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PERDURE_NOTES: env['PERDURE_NOTES'] || devNull };
}
