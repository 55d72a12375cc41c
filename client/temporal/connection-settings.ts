import type { ConnectionOptions, ConnectionSettings } from './connection-options.ts';
import { readProfile } from './temporal-profile.ts';

/**
 * Completes options with the environment variables, then with the profile that they name, then with the defaults: each field
 * on its own, `tls` as a whole.
 * @throws {PerdureError} `invalid_request` for a profile, a file or a certificate that cannot be used.
 */
export function connectionSettings(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv = process.env,
): ConnectionSettings {
  const profile = readProfile(env);
  return {
    address: options.address ?? profile.address ?? '127.0.0.1:7233',
    namespace: options.namespace ?? profile.namespace ?? 'default',
    apiKey: options.apiKey ?? profile.apiKey,
    tls: options.tls ?? profile.tls,
    metadata: options.metadata ?? profile.metadata,
  };
}

/** The fields of the settings that both of Temporal's connections take. */
export function connectOptions({ address, apiKey, tls, metadata }: Omit<ConnectionSettings, 'namespace'>) {
  return {
    address,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  };
}
