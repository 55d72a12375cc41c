import { connect, type ConnectionOptions } from 'node:tls';
import type { ConnectionSettings } from './connection-options.ts';

/** Why a connection to Temporal fails. `found` completes a sentence about the server. */
export interface ConnectProblem {
  readonly found: string;
  readonly remedy: string;
  /** Whether the same connection may succeed later, without a change of settings. */
  readonly mayPass: boolean;
}

type Target = Pick<ConnectionSettings, 'address' | 'apiKey' | 'tls'>;

/** How a connection attempt ended. `closed`: the server closed it before it sent anything. `code`: why it failed. */
interface Outcome {
  readonly end: 'answered' | 'closed' | 'late' | { readonly code: string };
  /** Whether the TLS handshake took place. */
  readonly speaksTls: boolean;
}

const TIMEOUT_MS = 3_000;

/**
 * Connects to a server that Temporal's client could not use, to find out why: the errors of its two implementations differ, and
 * say little about TLS. Null if the connection itself is possible, so that the server has refused the call.
 */
export async function describeConnectProblem(target: Target): Promise<ConnectProblem | null> {
  const hasTls = target.tls === undefined || target.tls === null ? target.apiKey !== undefined : target.tls !== false;
  if (!hasTls) return withoutTls(target);
  const { end, speaksTls } = await attempt(target.address, tlsOptions(target));
  if (end === 'answered') return null;
  if (end === 'late') return unreachable('does not respond');
  if (end !== 'closed' && end.code !== 'ECONNRESET') return describeCode(end.code, target);
  // Closed after the handshake, without a word: that is how some servers refuse a client.
  return speaksTls ? refusesClient(target) : unreachable('closes connections');
}

/** A server that requires TLS closes a connection without it, and says nothing. */
async function withoutTls(target: Target): Promise<ConnectProblem | null> {
  const { end, speaksTls } = await attempt(target.address, { rejectUnauthorized: false });
  if (speaksTls) {
    return lasting('accepts TLS only', 'Set TEMPORAL_TLS=true, or the certificates in TEMPORAL_TLS_….');
  }
  return typeof end === 'object' && isNetworkCode(end.code) ? describeCode(end.code, target) : null;
}

function describeCode(code: string, target: Target): ConnectProblem {
  if (code === 'ECONNREFUSED') return unreachable('does not respond (ECONNREFUSED)');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return unreachable(`is not known by that name (${code})`);
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO/.test(code)) {
    return lasting('does not speak TLS', 'Set TEMPORAL_TLS=false, or correct the port in TEMPORAL_ADDRESS.');
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return lasting('has a certificate that has expired', 'Renew the certificate of the server.');
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return lasting(
      'has a certificate for another host name',
      'Set TEMPORAL_TLS_SERVER_NAME to a name in the certificate of the server, or correct TEMPORAL_ADDRESS.',
    );
  }
  if (/SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code)) {
    return lasting(
      `has a certificate of an authority that is not trusted (${code})`,
      'Set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the certificate of its authority.',
    );
  }
  if (code.includes('ALERT')) return refusesClient(target);
  return unreachable(`is not reachable (${code})`);
}

function refusesClient({ tls }: Target): ConnectProblem {
  if (typeof tls === 'object' && tls?.clientCertPair !== undefined) {
    return lasting(
      'does not accept the client certificate',
      'Have it signed by an authority that the server trusts, and set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to it.',
    );
  }
  return lasting(
    'requires a client certificate',
    'Set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH.',
  );
}

function isNetworkCode(code: string): boolean {
  return /^E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|TIMEDOUT)$/.test(code);
}

function unreachable(found: string): ConnectProblem {
  return { found, remedy: 'Check TEMPORAL_ADDRESS (host:port), and that the server is running.', mayPass: true };
}

function lasting(found: string, remedy: string): ConnectProblem {
  return { found, remedy, mayPass: false };
}

function tlsOptions({ tls }: Target): ConnectionOptions {
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = typeof tls === 'object' && tls ? tls : {};
  return {
    ...(serverNameOverride === undefined ? {} : { servername: serverNameOverride }),
    ...(serverRootCACertificate === undefined ? {} : { ca: Buffer.from(serverRootCACertificate) }),
    ...(clientCertPair === undefined
      ? {}
      : { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }),
  };
}

/** Connects, and waits for the first bytes: an HTTP/2 server sends its settings at once, and one that refuses a client's certificate closes. */
async function attempt(address: string, options: ConnectionOptions): Promise<Outcome> {
  if (!URL.canParse(`tcp://${address}`)) return { end: { code: 'not host:port' }, speaksTls: false };
  const { hostname, port } = new URL(`tcp://${address}`);
  const { promise, resolve } = Promise.withResolvers<Outcome['end']>();
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({ host, port: Number(port || 7233), ALPNProtocols: ['h2'], ...options });
  const timer = setTimeout(() => resolve('late'), TIMEOUT_MS);
  let speaksTls = false;
  socket.once('secureConnect', () => void (speaksTls = true));
  socket.once('data', () => resolve('answered'));
  socket.once('end', () => resolve('closed'));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? error.message }));
  try {
    return { end: await promise, speaksTls };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
