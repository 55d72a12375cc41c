import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TLSConfig } from '@temporalio/client';
import type { ClientConfigProfile } from '@temporalio/envconfig';
import { PerdureError } from '../../contracts/errors.ts';

type ProfileTls = NonNullable<ClientConfigProfile['tls']>;
type Part = 'clientCert' | 'clientKey' | 'serverCACert';

/** The names of each part: of its variables, and in the table `tls` of a profile. */
const NAMES: Readonly<Record<Part, { readonly path: string; readonly data: string; readonly inProfile: string }>> = {
  clientCert: {
    path: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
    data: 'TEMPORAL_TLS_CLIENT_CERT_DATA',
    inProfile: 'client_cert',
  },
  clientKey: { path: 'TEMPORAL_TLS_CLIENT_KEY_PATH', data: 'TEMPORAL_TLS_CLIENT_KEY_DATA', inProfile: 'client_key' },
  serverCACert: {
    path: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    data: 'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
    inProfile: 'server_ca_cert',
  },
};

/**
 * Reads the certificates and the key of a profile, and checks them. `profile`: its name in messages.
 * @throws {PerdureError} `invalid_request` for a file that cannot be read, what is no certificate or key, a certificate without
 * its key, and one that has expired.
 */
export function readTls(
  tls: ProfileTls | undefined,
  variables: Readonly<Record<string, string>>,
  profile: string,
): TLSConfig | boolean | undefined {
  if (tls === undefined) return undefined;
  if (tls.disabled === true) return false;
  const nameOf = (part: Part): string => {
    const { path, data, inProfile } = NAMES[part];
    return [path, data].find((name) => variables[name] !== undefined) ?? `${inProfile} of ${profile}`;
  };
  const [crt, key, ca] = (['clientCert', 'clientKey', 'serverCACert'] as const).map((part) =>
    read(tls[part], nameOf(part)),
  );
  if (ca !== undefined) certificateIn(ca, nameOf('serverCACert'));
  if (crt !== undefined || key !== undefined) checkPair(crt, key, nameOf);
  return {
    ...(tls.serverName === undefined ? {} : { serverNameOverride: tls.serverName }),
    ...(ca === undefined ? {} : { serverRootCACertificate: ca }),
    ...(crt === undefined || key === undefined ? {} : { clientCertPair: { crt, key } }),
  };
}

function read(source: ProfileTls[Part], name: string): Buffer | undefined {
  if (source === undefined) return undefined;
  if ('data' in source) return Buffer.from(source.data);
  try {
    return readFileSync(source.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(
      `${name} is ${JSON.stringify(source.path)}, which cannot be read (${code}). Set it to a file in PEM format.`,
    );
  }
}

function checkPair(crt: Buffer | undefined, key: Buffer | undefined, nameOf: (part: Part) => string): void {
  const [cert, keyName] = [nameOf('clientCert'), nameOf('clientKey')];
  if (key === undefined) throw invalid(`${cert} is set without its key. Set TEMPORAL_TLS_CLIENT_KEY_PATH too.`);
  if (crt === undefined)
    throw invalid(`${keyName} is set without its certificate. Set TEMPORAL_TLS_CLIENT_CERT_PATH too.`);
  const certificate = certificateIn(crt, cert);
  const { validTo } = certificate;
  if (Date.parse(validTo) < Date.now()) throw invalid(`The certificate in ${cert} expired on ${validTo}. Renew it.`);
  if (!certificate.checkPrivateKey(privateKeyIn(key, keyName)))
    throw invalid(`The key in ${keyName} is not that of the certificate in ${cert}. Set the two that belong together.`);
}

function certificateIn(pem: Buffer, name: string): X509Certificate {
  try {
    if (!pem.includes('-----BEGIN')) throw new Error('This is not PEM.');
    return new X509Certificate(pem);
  } catch {
    throw invalid(`${name} has no certificate in PEM format. It begins with -----BEGIN CERTIFICATE-----.`);
  }
}

function privateKeyIn(pem: Buffer, name: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw invalid(`${name} has no private key in PEM format without a passphrase.`);
  }
}

function invalid(message: string): PerdureError {
  return new PerdureError('invalid_request', message);
}
