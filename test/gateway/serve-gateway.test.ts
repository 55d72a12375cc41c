import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
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
    gateway.sender.onSubmitted = (key, { runId }) => void gateway.sender.answer(key, runId, `hello ${id}`);
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
  const frames = readFrames(await fetch(`${url}${sessionPath('closing', 'events')}`));
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

test('without authentication only loopback is served', async () => {
  const { gateway } = startGateway(database.db);
  await expect(serveGateway({ gateway, host: '0.0.0.0', port: 0 })).rejects.toThrow('PERDURE_TOKENS');
  const guarded = startGateway(database.db, { tokens: 'secret=ann' });
  const served = await serveGateway({ gateway: guarded.gateway, host: '0.0.0.0', port: 0 });
  await served.close();
});
