import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectionSettings } from '../../../client/temporal/connection-settings.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { createAuthority } from '../../support/temporal/certificates.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FILE = `
[profile.default]
address = "default.example:7233"

[profile.prod]
address = "prod.example:7233"
namespace = "orders"
api_key = "canary-in-file"

[profile.prod.grpc_meta]
tenant = "acme"
`;

async function fileWith(text: string): Promise<string> {
  const file = join(await temporaryFolder(), 'temporal.toml');
  await writeFile(file, text);
  return file;
}

test('an option takes precedence over its variable, that over the profile, and that over the default', async () => {
  const env = { TEMPORAL_CONFIG_FILE: await fileWith(FILE), TEMPORAL_PROFILE: 'prod' };

  expect(connectionSettings({}, {})).toEqual({ address: '127.0.0.1:7233', namespace: 'default' });
  expect(connectionSettings({}, env)).toEqual({
    address: 'prod.example:7233',
    namespace: 'orders',
    apiKey: 'canary-in-file',
    metadata: { tenant: 'acme' },
  });
  const variables = { ...env, TEMPORAL_NAMESPACE: 'ours', TEMPORAL_API_KEY: 'key', TEMPORAL_GRPC_META_TENANT: 'other' };
  expect(connectionSettings({}, variables)).toMatchObject({
    address: 'prod.example:7233',
    namespace: 'ours',
    apiKey: 'key',
    metadata: { tenant: 'other' },
  });
  expect(connectionSettings({ namespace: 'mine', tls: false }, variables)).toMatchObject({
    address: 'prod.example:7233',
    namespace: 'mine',
    tls: false,
  });
});

test('the file of the Temporal CLI is read only if a profile or a file is named', async () => {
  const home = await temporaryFolder();
  await mkdir(join(home, 'temporalio'));
  await writeFile(join(home, 'temporalio', 'temporal.toml'), FILE);
  const env = { XDG_CONFIG_HOME: home, APPDATA: home };

  expect(connectionSettings({}, env).address).toBe('127.0.0.1:7233');
  expect(connectionSettings({}, { ...env, TEMPORAL_PROFILE: '' }).address).toBe('127.0.0.1:7233');
  if (process.platform === 'darwin') return;
  expect(connectionSettings({}, { ...env, TEMPORAL_PROFILE: 'default' }).address).toBe('default.example:7233');
});

test('certificates come from files or from variables, and an API key or any of them turns TLS on', async () => {
  const authority = await createAuthority();
  const { cert, key } = authority.sign('client');
  const inline = readFileSync(key, 'utf8').trim();
  const settings = connectionSettings(
    {},
    {
      TEMPORAL_TLS_CLIENT_CERT_PATH: cert,
      TEMPORAL_TLS_CLIENT_KEY_DATA: inline,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.cert,
      TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
    },
  );

  expect(settings.tls).toEqual({
    serverNameOverride: 'temporal.internal',
    serverRootCACertificate: readFileSync(authority.cert),
    clientCertPair: { crt: readFileSync(cert), key: Buffer.from(inline) },
  });
  expect(connectionSettings({}, { TEMPORAL_TLS: 'true' }).tls).toEqual({});
  expect(connectionSettings({}, { TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: 'key' }).tls).toBe(false);
});

/** The message with which an environment is refused. */
function problemOf(env: Record<string, string>): string {
  try {
    connectionSettings({}, env);
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'invalid_request') return error.message;
    throw error;
  }
  throw new Error('The settings were accepted.');
}

test('what is wrong with a profile is said in a sentence with a remedy, without a secret', async () => {
  const file = await fileWith(FILE);
  const broken = await fileWith('[profile.prod]\napi_key = "canary-in-file\n');
  const flat = await fileWith('[prod]\napi_key = "canary-in-file"\n');
  const number = await fileWith('[profile.default]\naddress = 7233\n');
  const problems = [
    problemOf({ TEMPORAL_CONFIG_FILE: '/no/such/file.toml' }),
    problemOf({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'staging' }),
    problemOf({ TEMPORAL_PROFILE: 'staging' }),
    problemOf({ TEMPORAL_CONFIG_FILE: broken, TEMPORAL_PROFILE: 'prod' }),
    problemOf({ TEMPORAL_CONFIG_FILE: flat, TEMPORAL_PROFILE: 'prod' }),
    problemOf({ TEMPORAL_CONFIG_FILE: number }),
    problemOf({ TEMPORAL_TLS: 'yes' }),
    problemOf({ TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true' }),
    problemOf({ TEMPORAL_TLS_CLIENT_CERT_PATH: 'a.pem', TEMPORAL_TLS_CLIENT_CERT_DATA: 'canary' }),
  ];

  expect(problems).toEqual([
    'TEMPORAL_CONFIG_FILE is "/no/such/file.toml", which cannot be read (ENOENT). Set it to a configuration file of Temporal, or unset it.',
    `TEMPORAL_PROFILE is "staging", but ${file} has default, prod. Set TEMPORAL_PROFILE to one of its profiles, or TEMPORAL_CONFIG_FILE to the file that has it.`,
    'TEMPORAL_PROFILE is "staging", but the configuration file of the Temporal CLI has no profile. Set TEMPORAL_PROFILE to one of its profiles, or TEMPORAL_CONFIG_FILE to the file that has it.',
    expect.stringMatching(/^\S+temporal\.toml is not valid TOML \(line 2, column \d+\)\. Correct it\.$/),
    `${flat} is not a configuration file of Temporal. Its profiles are tables such as [profile.default].`,
    `address in the profile "default" of ${number} is no text. Put it in quotes.`,
    'TEMPORAL_TLS is "yes". Set it to true or false.',
    expect.stringContaining('set TEMPORAL_TLS_SERVER_NAME to a name in the certificate'),
    'client_cert_path and client_cert_data are both set, in variables TEMPORAL_TLS_… or in the profile "default" of the configuration file of the Temporal CLI. Remove one of them.',
  ]);
  expect(problems.join()).not.toContain('canary');
});

/** The variables of a client certificate. */
function pair(cert: string, key: string): Record<string, string> {
  return { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
}

test('a certificate that is missing, broken, expired or without its own key is named', async () => {
  const authority = await createAuthority();
  const [client, other] = [authority.sign('client'), authority.sign('other')];
  const expired = authority.sign('expired', { days: -1 });

  expect(problemOf(pair('/no/client.pem', client.key))).toBe(
    'TEMPORAL_TLS_CLIENT_CERT_PATH is "/no/client.pem", which cannot be read (ENOENT). Set it to a file in PEM format.',
  );
  expect(problemOf({ TEMPORAL_TLS_CLIENT_CERT_PATH: client.cert })).toContain('is set without its key');
  expect(problemOf({ TEMPORAL_TLS_CLIENT_KEY_PATH: client.key })).toContain('is set without its certificate');
  expect(problemOf(pair(client.key, client.key))).toContain('CERT_PATH has no certificate in PEM format');
  expect(problemOf(pair(client.cert, client.cert))).toContain('KEY_PATH has no private key in PEM format');
  expect(problemOf(pair(client.cert, other.key))).toContain('is not that of the certificate in');
  expect(problemOf(pair(expired.cert, expired.key))).toMatch(
    /^The certificate in TEMPORAL_TLS_CLIENT_CERT_PATH expired on /,
  );
  expect(problemOf({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: client.key })).toContain(
    'SERVER_CA_CERT_PATH has no certificate',
  );
  const inProfile = await fileWith(`[profile.default.tls]\nclient_cert_path = "/no/client.pem"\n`);
  expect(problemOf({ TEMPORAL_CONFIG_FILE: inProfile })).toContain(
    `client_cert of the profile "default" of ${inProfile} is "/no/client.pem"`,
  );
});
