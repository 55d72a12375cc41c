import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkRedis } from '../../cli/doctor/check-redis.ts';
import { HAS_REDIS, startRedis, type RedisServer } from '../support/redis/redis-server.ts';
import { createAuthority } from '../support/temporal/certificates.ts';

/** A server with TLS whose certificate is for `names`, and its authority, which is trusted until the end of the test if `trusted` is set. */
async function startedWithTls({ names = 'IP:127.0.0.1', days = 30, trusted = false } = {}): Promise<RedisServer> {
  const authority = await createAuthority();
  if (trusted) {
    const before = getCACertificates();
    onTestFinished(() => setDefaultCACertificates(before));
    setDefaultCACertificates([...before, readFileSync(authority.cert, 'utf8')]);
  }
  const server = await startRedis([], { ...authority.sign('redis', { names, days }), authority: authority.cert });
  onTestFinished(() => server.stop());
  return server;
}

const findingFor = async (url: string) => {
  const [finding] = await checkRedis({ REDIS_URL: url, DATABASE_URL: 'postgres://127.0.0.1/perdure' });
  return finding;
};

describe.runIf(HAS_REDIS)('the doctor, for a Redis with TLS', () => {
  test('a trusted one responds', async () => {
    const { url } = await startedWithTls({ trusted: true });
    const found = expect.stringContaining('responds, version') as string;
    expect(url).toMatch(/^rediss:/);
    expect(await findingFor(url)).toMatchObject({ found });
  });

  test.for([
    [{}, 'has a certificate of an authority that is not trusted', 'NODE_EXTRA_CA_CERTS'],
    [{ names: 'DNS:redis.internal', trusted: true }, 'has a certificate for another host name', 'REDIS_URL'],
    [{ days: -1, trusted: true }, 'has a certificate that has expired', 'Renew the certificate'],
  ] as const)('a certificate that cannot be used (%j) is a note: it %s', async ([options, problem, remedy]) => {
    const { url, port } = await startedWithTls(options);
    expect(await findingFor(url)).toEqual({
      check: 'Redis',
      state: 'note',
      found: expect.stringMatching(
        new RegExp(
          `^127\\.0\\.0\\.1:${port} \\(REDIS_URL\\) ${problem} \\([A-Z_]+\\): live messages go over PostgreSQL`,
        ),
      ) as string,
      remedy: expect.stringContaining(remedy) as string,
    });
  });

  test('TLS where the server has none, and none where it has, are notes that name the scheme', async () => {
    // A Redis without TLS waits for the end of a line, which the random bytes of a handshake may have, and then replies with an error.
    const withoutTls = createServer((socket) => void socket.on('data', () => socket.end('-ERR unknown command\r\n')));
    onTestFinished(() => void withoutTls.close());
    await once(withoutTls.listen(0, '127.0.0.1'), 'listening');
    const { port } = withoutTls.address() as AddressInfo;
    expect(await findingFor(`rediss://127.0.0.1:${port}`)).toMatchObject({
      state: 'note',
      found: expect.stringContaining('does not speak TLS') as string,
      remedy: expect.stringContaining('redis:// without TLS') as string,
    });
    const tls = await startedWithTls();
    expect(await findingFor(tls.url.replace('rediss:', 'redis:'))).toMatchObject({
      state: 'note',
      found: expect.stringContaining('does not respond') as string,
      remedy: expect.stringContaining('TLS (rediss://)') as string,
    });
  });
});
