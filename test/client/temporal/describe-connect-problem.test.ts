import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ConnectionOptions } from '../../../client/temporal/connection-options.ts';
import { describeConnectProblem } from '../../../client/temporal/describe-connect-problem.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { createAuthority, type Authority, type CertificateFiles } from '../../support/temporal/certificates.ts';
import { startGrpcProxy } from '../../support/temporal/grpc-proxy.ts';

const NOWHERE = '127.0.0.1:1';

/** The settings of a client that trusts an authority, with a certificate or without. */
function trusting(authority: Authority, client?: CertificateFiles) {
  return {
    serverRootCACertificate: readFileSync(authority.cert),
    ...(client === undefined
      ? {}
      : { clientCertPair: { crt: readFileSync(client.cert), key: readFileSync(client.key) } }),
  };
}

/** What is wrong, as a sentence; null if nothing is. */
async function find(address: string, tls: ConnectionOptions['tls']): Promise<string | null> {
  const problem = await describeConnectProblem({ address, tls });
  expect(problem?.mayPass ?? false).toBe(false);
  return problem === null ? null : `${problem.found}. ${problem.remedy}`;
}

test('each way in which TLS fails has its own sentence', async () => {
  const [ours, theirs] = [await createAuthority(), await createAuthority()];
  const client = ours.sign('client');
  const clientAuthority = ours.cert;
  const served = (certificate: CertificateFiles) =>
    startGrpcProxy(NOWHERE, { tls: { ...certificate, clientAuthority } });
  const { address } = await served(ours.sign('server', { names: 'IP:127.0.0.1' }));
  const named = await served(ours.sign('named', { names: 'DNS:temporal.internal' }));
  const expired = await served(ours.sign('expired', { names: 'IP:127.0.0.1', days: -1 }));

  expect(await find(address, trusting(ours, client))).toBe(null);
  expect(await find(address, undefined)).toContain('accepts TLS only. Set TEMPORAL_TLS=true');
  expect(await find(address, true)).toMatch(/of an authority that is not trusted .*TEMPORAL_TLS_SERVER_CA_CERT_PATH/);
  expect(await find(address, trusting(theirs, client))).toContain('of an authority that is not trusted');
  expect(await find(address, trusting(ours))).toContain('requires a client certificate. Set TEMPORAL_TLS_CLIENT_CERT');
  expect(await find(address, trusting(ours, theirs.sign('stranger')))).toContain(
    'does not accept the client certificate',
  );
  expect(await find(named.address, trusting(ours, client))).toContain(
    'for another host name. Set TEMPORAL_TLS_SERVER_NAME',
  );
  const byName = { ...trusting(ours, client), serverNameOverride: 'temporal.internal' };
  expect(await find(named.address, byName)).toBe(null);
  expect(await find(expired.address, trusting(ours, client))).toContain('has a certificate that has expired');
});

test('a server that refuses by an alert of TLS, as those in Go do, is described likewise', async () => {
  const authority = await createAuthority();
  const server = authority.sign('server', { names: 'IP:127.0.0.1' });
  const port = await freePort();
  const serving = ['-accept', `127.0.0.1:${port}`, '-cert', server.cert, '-key', server.key, '-alpn', 'h2'];
  const child = spawn('openssl', [
    's_server',
    ...serving,
    '-Verify',
    '1',
    '-verify_return_error',
    '-CAfile',
    authority.cert,
  ]);
  onTestFinished(() => void child.kill());
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('ACCEPT') && resolve());
  });
  const address = `127.0.0.1:${port}`;

  expect(await describeConnectProblem({ address, tls: trusting(authority) })).toMatchObject({
    found: 'requires a client certificate',
  });
  const stranger = (await createAuthority()).sign('stranger');
  expect(await describeConnectProblem({ address, tls: trusting(authority, stranger) })).toMatchObject({
    found: 'does not accept the client certificate',
  });
});

test('a server without TLS, one that is down and a name without an address are told apart', async () => {
  const plain = createServer();
  await new Promise<void>((resolve) => void plain.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void plain.close());
  const address = `127.0.0.1:${(plain.address() as AddressInfo).port}`;

  expect(await describeConnectProblem({ address })).toBe(null);
  expect(await describeConnectProblem({ address, tls: true })).toMatchObject({ found: 'does not speak TLS' });
  expect(await describeConnectProblem({ address, apiKey: 'key' })).toMatchObject({ found: 'does not speak TLS' });
  const down = `127.0.0.1:${await freePort()}`;
  expect(await describeConnectProblem({ address: down })).toMatchObject({
    found: 'does not respond (ECONNREFUSED)',
    mayPass: true,
  });
  expect(await describeConnectProblem({ address: 'no-such-host.invalid:7233', tls: true })).toMatchObject({
    mayPass: true,
  });
  expect(await describeConnectProblem({ address: 'not an address', tls: true })).toMatchObject({
    found: 'is not reachable (not host:port)',
  });
});
