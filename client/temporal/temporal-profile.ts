import { accessSync, constants } from 'node:fs';
import { loadClientConfig, loadClientConfigProfile, type ClientConfigProfile } from '@temporalio/envconfig';
import { PerdureError } from '../../contracts/errors.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { readTls } from './profile-tls.ts';

const FILE_VARIABLE = 'TEMPORAL_CONFIG_FILE';
const PROFILE_VARIABLE = 'TEMPORAL_PROFILE';

/**
 * Reads the variables `TEMPORAL_…`, and the profile of a configuration file, as Temporal's SDKs and CLI define them. Variables
 * take precedence. Unlike there, a file is read only if `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE` is set: nothing is ever
 * sent to the server of somebody's own profile `default`. An empty variable counts as not set.
 * @throws {PerdureError} `invalid_request` that names the variable, the file or the profile, never a secret.
 */
export function readProfile(env: NodeJS.ProcessEnv): ConnectionOptions {
  const variables = setVariables(env);
  checkSwitches(variables);
  const profile = load(variables);
  const { address, namespace, apiKey, grpcMeta: metadata } = profile;
  for (const [name, value] of Object.entries({ address, namespace, api_key: apiKey }) as [string, unknown][]) {
    if (value !== undefined && typeof value !== 'string')
      throw invalid(`${name} in ${profileOf(variables)} is no text. Put it in quotes.`);
  }
  return { address, namespace, apiKey, metadata, tls: readTls(profile.tls, variables, profileOf(variables)) };
}

function setVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const set = Object.entries(env).map(([name, value]) => [name, value?.trim()]);
  return Object.fromEntries(set.filter(([, value]) => value)) as Record<string, string>;
}

/** The SDK takes every other value for false. */
function checkSwitches(variables: Readonly<Record<string, string>>): void {
  const tls = variables['TEMPORAL_TLS'];
  if (tls !== undefined && !/^(?:true|false|1|0)$/.test(tls))
    throw invalid(`TEMPORAL_TLS is ${JSON.stringify(tls)}. Set it to true or false.`);
  if (/^(?:true|1)$/.test(variables['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'] ?? '')) {
    throw invalid(
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is set, but host names are always verified. Unset it, and set TEMPORAL_TLS_SERVER_NAME to a name in the certificate of the server.',
    );
  }
}

function load(variables: Record<string, string>): ClientConfigProfile {
  const file = variables[FILE_VARIABLE];
  if (file !== undefined) checkReadable(file);
  const disableFile = file === undefined && variables[PROFILE_VARIABLE] === undefined;
  try {
    return loadClientConfigProfile({ overrideEnvVars: variables, disableFile });
  } catch (error) {
    throw invalid(describeLoadError(error, variables), error);
  }
}

function checkReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(
      `${FILE_VARIABLE} is ${JSON.stringify(file)}, which cannot be read (${code}). Set it to a configuration file of Temporal, or unset it.`,
    );
  }
}

/** The messages of the libraries are not passed on: they quote lines of the file, which may contain an API key. */
function describeLoadError(error: unknown, variables: Record<string, string>): string {
  const { message, line, column } = error as { message: string; line?: number; column?: number };
  const file = fileOf(variables);
  if (line !== undefined) return `${file} is not valid TOML (line ${line}, column ${column}). Correct it.`;
  if (/^Profile '.*' not found/.test(message)) return unknownProfile(variables);
  const [, twice] = /^Cannot specify both (\w+)_path/.exec(message) ?? [];
  if (twice !== undefined) {
    return `${twice}_path and ${twice}_data are both set, in variables TEMPORAL_TLS_… or in ${profileOf(variables)}. Remove one of them.`;
  }
  return `${file} is not a configuration file of Temporal. Its profiles are tables such as [profile.default].`;
}

function unknownProfile(variables: Record<string, string>): string {
  const file = fileOf(variables);
  const names = Object.keys(loadClientConfig({ overrideEnvVars: variables }).profiles);
  const has = names.length === 0 ? 'no profile' : names.join(', ');
  return `${PROFILE_VARIABLE} is ${JSON.stringify(variables[PROFILE_VARIABLE])}, but ${file} has ${has}. Set ${PROFILE_VARIABLE} to one of its profiles, or ${FILE_VARIABLE} to the file that has it.`;
}

function fileOf(variables: Readonly<Record<string, string>>): string {
  return variables[FILE_VARIABLE] ?? 'the configuration file of the Temporal CLI';
}

function profileOf(variables: Readonly<Record<string, string>>): string {
  return `the profile ${JSON.stringify(variables[PROFILE_VARIABLE] ?? 'default')} of ${fileOf(variables)}`;
}

function invalid(message: string, cause?: unknown): PerdureError {
  return new PerdureError('invalid_request', message, { cause });
}
