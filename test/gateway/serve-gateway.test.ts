import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { problemSchema } from '../../contracts/problem.ts';
import { serveGateway, type ServedGateway } from '../../gateway/serve-gateway.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { readFrames, sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();

async function serve(started: TestGateway, port = 0, orNextPort = false): Promise<ServedGateway> {
  const served = await serveGateway({ gateway: started.gateway, port, orNextPort });
  onTestFinished(() => served.close());
  return served;
}

async function openStreams({ call }: TestGateway): Promise<number> {
  const text = await (await call('GET', '/metrics')).text();
  return Number(/^perdure_gateway_open_streams (\d+)$/m.exec(text)?.[1]);
}

test('a conversation over a socket, with ids of every kind', async () => {
  const gateway = startGateway(database.db);
  const { url } = await serve(gateway);
  for (const id of ['a/b', '50%', '%2F', 'a b:c', '会話😀']) {
    gateway.sender.onWake = (key, { runId }) => void gateway.sender.answer(key, runId, `hello ${id}`);
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'perdure-user': encodeURIComponent(id),
    };
    const body = JSON.stringify({ content: 'hi' });
    const response = await fetch(`${url}${sessionPath(id, 'messages')}`, { method: 'POST', headers, body });
    const frames = await readFrames(response);
    expect(frames.at(-1)?.data).toMatchObject({ type: 'run.completed', output: `hello ${id}`, sessionId: id });
  }
});

test('headers and an opening comment are sent immediately on a silent stream', async () => {
  const gateway = startGateway(database.db);
  const { url } = await serve(gateway);
  await gateway.call('POST', '/v1/sessions', { id: 'silent' });
  const response = await fetch(`${url}${sessionPath('silent', 'events')}?after=1`);
  const first = await response.body?.getReader().read();
  expect(new TextDecoder().decode(first?.value)).toBe('retry: 1000\n: open\n\n');
});

test('a reader that disconnects is released', async () => {
  const gateway = startGateway(database.db);
  const { url } = await serve(gateway);
  await gateway.call('POST', '/v1/sessions', { id: 'left' });
  const abort = new AbortController();
  const response = await fetch(`${url}${sessionPath('left', 'events')}`, { signal: abort.signal });
  await readFrames(response, ({ type }) => type === 'session.opened').catch(() => undefined);
  abort.abort();
  await expect.poll(async () => openStreams(gateway)).toBe(0);
});

test('closing ends the streams', async () => {
  const gateway = startGateway(database.db);
  const { url, close } = await serve(gateway);
  await gateway.call('POST', '/v1/sessions', { id: 'closing' });
  const begun = Promise.withResolvers<void>();
  const frames = readFrames(await fetch(`${url}${sessionPath('closing', 'events')}`), () => {
    begun.resolve();
    return false;
  });
  await begun.promise;
  await close();
  expect((await frames).length).toBe(1);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test('a body whose declared length is too large is refused before it is sent', async () => {
  const { port } = await serve(startGateway(database.db));
  const headers = { 'content-type': 'application/json', 'content-length': 1_000_000_000 };
  const sent = request({ port, method: 'POST', path: '/v1/sessions', headers });
  sent.on('error', () => undefined);
  sent.flushHeaders();
  const [response] = (await once(sent, 'response')) as [{ statusCode: number }];
  expect(response.statusCode).toBe(413);
  sent.destroy();
});

test('a body that grows too large while it is sent is refused', async () => {
  const { port } = await serve(startGateway(database.db));
  const headers = { 'content-type': 'application/json' };
  const sent = request({ port, method: 'POST', path: '/v1/sessions', headers });
  sent.on('error', () => undefined);
  sent.write(Buffer.alloc(2 * 1024 * 1024, ' '));
  const [response] = (await once(sent, 'response')) as [{ statusCode: number }];
  expect(response.statusCode).toBe(413);
  sent.destroy();
});

test('a host that is not a loopback address is refused', async () => {
  const { port } = await serve(startGateway(database.db));
  const socket = createConnection(port, '127.0.0.1');
  socket.write('GET /v1/sessions HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n');
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toMatch(/^HTTP\/1\.1 403/);
  socket.destroy();
});

test('a port in use is an error that names it, or the next port is used', async () => {
  const { port } = await serve(startGateway(database.db));
  const second = startGateway(database.db);
  await expect(serveGateway({ gateway: second.gateway, port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use`);
  expect((await serve(second, port, true)).port).toBeGreaterThan(port);
});

test('a host that is not this machine is an error that names its setting', async () => {
  const gateway = { fetch: () => new Response(), authenticated: true, close: () => undefined };
  for (const host of ['203.0.113.7', 'no such host']) {
    await expect(serveGateway({ gateway, host, port: 0 })).rejects.toThrow(/cannot listen on .*Set PERDURE_HOST/);
  }
});

test('without authentication only loopback is served', async () => {
  const { gateway } = startGateway(database.db);
  await expect(serveGateway({ gateway, host: '0.0.0.0', port: 0 })).rejects.toThrow('PERDURE_TOKENS');
  const guarded = startGateway(database.db, { tokens: 'secret=ann' });
  const served = await serveGateway({ gateway: guarded.gateway, host: '0.0.0.0', port: 0 });
  await served.close();
});

test('a request that is not HTTP, or whose headers are too long, gets a problem response', async () => {
  const { gateway } = startGateway(database.db);
  const served = await serveGateway({ gateway, port: 0 });
  const raw = async (sent: string): Promise<string> => {
    const socket = createConnection(served.port, '127.0.0.1');
    socket.end(sent);
    return await textOf(socket);
  };
  const broken = await raw('GET /healthz HTTP/1.1\r\nbroken header\r\n\r\n');
  expect(broken).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  const long = await raw(`GET /healthz?a=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect(long).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  for (const [response, status] of [
    [broken, 400],
    [long, 431],
  ] as const) {
    const body = JSON.parse(response.split('\r\n\r\n')[1] ?? '') as unknown;
    expect(problemSchema.parse(body)).toMatchObject({ status, code: 'invalid_request' });
  }
  await served.close();
});
