import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';

/** The address of a server that closes every connection until it is ready. */
async function unreadyServer(target: string) {
  const [host = '', port = ''] = target.split(':');
  const asked = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  let isReady = false;
  const server = createServer((client) => {
    client.on('error', () => {});
    if (!isReady) {
      asked.resolve();
      return client.destroy();
    }
    const upstream = connect(Number(port), host).on('error', () => client.destroy());
    sockets.add(client).add(upstream);
    client.pipe(upstream).pipe(client);
    return client;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Resolves when it has closed a connection. */
    asked: asked.promise,
    becomeReady() {
      isReady = true;
    },
  };
}

test('processes that start before PostgreSQL and Temporal are ready wait for them', async () => {
  const { home, databaseUrl, server } = await startDeployment();
  const url = new URL(databaseUrl);
  const postgres = await unreadyServer(url.host);
  url.host = postgres.address;
  const temporal = await unreadyServer(server.address);
  const starting = [
    home.start('gateway', { DATABASE_URL: url.href }),
    home.start('worker', { TEMPORAL_ADDRESS: temporal.address }),
  ] as const;
  await Promise.all([postgres.asked, temporal.asked]);
  postgres.becomeReady();
  temporal.becomeReady();
  const [gateway, worker] = await Promise.all(starting);
  expect(gateway.output()).toMatch(/PostgreSQL at DATABASE_URL\) is not reachable \((?:ECONNRESET|connection lost)\)/);
  expect(gateway.output()).toContain('Trying again for 10 s.');
  expect(worker.output()).toContain(`Temporal at "${temporal.address}" does not respond.`);
  const { answer } = await callJson<{ answer: string }>(
    callerOf(gateway, 's'),
    'POST',
    pathOf('s', 'messages'),
    { content: '@echo=hello' },
    { prefer: 'wait=30' },
  );
  expect(answer).toBe('hello');
  await Promise.all([gateway.stop(), worker.stop()]);
}, 90_000);
