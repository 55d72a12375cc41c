import type { ConnectionOptions, ConnectionSettings } from '../../client/temporal/connection-options.ts';
import { readProfile } from '../../client/temporal/temporal-profile.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { dataFolderOwner } from './data-folder-owner.ts';
import { readSettings, type Settings } from './settings.ts';

/** The Temporal server of the environment and its profile. Without an address: the embedded one. */
export interface TemporalSettings extends ConnectionOptions {
  readonly namespace: string;
}

/** The settings of a process that runs services. */
export interface ServiceSettings extends Settings {
  readonly temporal: TemporalSettings;
}

/** Throws a CliError for settings that cannot be used. */
export function readServiceSettings(env: NodeJS.ProcessEnv): ServiceSettings & { readonly dataDir: string } {
  return { ...readSettings(env), temporal: readTemporal(env) };
}

/** Throws a CliError for a profile, a file or a certificate that cannot be used. */
export function readTemporal(env: NodeJS.ProcessEnv): TemporalSettings {
  try {
    const profile = readProfile(env);
    return { ...profile, namespace: profile.namespace ?? 'default' };
  } catch (error) {
    throw error instanceof PerdureError ? new CliError(error.message, EXIT.usage) : error;
  }
}

/** The connection to the configured server, or to an embedded one at `address`, which gets no credentials. */
export function connectionTo(configured: TemporalSettings, address: string): ConnectionSettings {
  const { namespace } = configured;
  return configured.address === undefined ? { address, namespace, tls: false } : { ...configured, address };
}

/** The connection of a command: to the configured server, or to that of the running `perdure start`; null without both. */
export function findConnection(env: NodeJS.ProcessEnv): ConnectionSettings | null {
  const settings = readTemporal(env);
  const address = settings.address ?? dataFolderOwner(env)?.temporalAddress ?? null;
  return address === null ? null : connectionTo(settings, address);
}
