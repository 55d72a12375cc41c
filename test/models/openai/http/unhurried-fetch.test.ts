import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createUnhurriedFetch } from '../../../../models/openai/http/unhurried-fetch.ts';
import { createOpenAIChatClient } from '../../../../models/openai/openai-chat.ts';
import type { ModelClient } from '../../../../models/model-client.ts';
import { hear, modelRequest } from '../../../support/models/model-requests.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const STREAM = { 'content-type': 'text/event-stream' };
const piece = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: finish }] })}\n\n`;
const WHOLE = piece('Hello', 'stop');

const sockets = new Set<Socket>();
const received: { headers: IncomingMessage['headers']; body: string }[] = [];
let answer: Answer;
const respond = async (request: IncomingMessage, response: ServerResponse) => {
  received.push({ headers: request.headers, body: await text(request) });
  answer(response, request);
};
const server = createServer((request, response) => void respond(request, response)).on('connection', (socket) =>
  sockets.add(socket),
);
let client: ModelClient;

beforeEach(async () => {
  sockets.clear();
  received.length = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = clientWith(createUnhurriedFetch(10));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function clientWith(fetch: ReturnType<typeof createUnhurriedFetch>): ModelClient {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return createOpenAIChatClient({ provider: 'stub', baseUrl, apiKey: 'sk-key', fetch });
}

const call = (signal?: AbortSignal) => hear(client, modelRequest(), signal);
const answerWith = (body: string | Buffer, headers: Record<string, string> = STREAM, status = 200) => {
  answer = (response) => response.writeHead(status, headers).end(body);
};

describe('requests', () => {
  test('a call sends its body and length, and the headers of the package and of fetch', async () => {
    answerWith(WHOLE);
    await call();
    const [{ headers, body }] = received as [(typeof received)[0]];
    expect(headers).toMatchObject({
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'accept-language': '*',
      authorization: 'Bearer sk-key',
      connection: 'keep-alive',
      'content-length': String(Buffer.byteLength(body)),
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^OpenAI\/JS/),
      'x-stainless-lang': 'js',
    });
    expect(JSON.parse(body)).toMatchObject({ model: 'stub-model', stream: true });
  });

  test('a redirect to another path of the host is followed', async () => {
    answer = (response, { url = '' }) => {
      if (url.startsWith('/moved')) response.writeHead(200, STREAM).end(WHOLE);
      else response.writeHead(307, { location: `/moved${url}` }).end('Moved');
    };
    expect((await call()).text).toBe('Hello');
    expect(received.map(({ body }) => body.length)).toEqual([received[0]?.body.length, received[0]?.body.length]);
  });
});

test('a proxy that refuses the connection is a broken connection', async () => {
  const proxy = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const fetch = createUnhurriedFetch(1);
  client = createOpenAIChatClient({ provider: 'stub', baseUrl: 'https://model.invalid/v1', apiKey: null, fetch });
  await expect(call()).rejects.toMatchObject({ reason: 'connection', retryable: true });
  vi.unstubAllEnvs();
  await new Promise((resolve) => proxy.close(resolve));
});

describe('bodies', () => {
  test.each([
    ['gzip', gzipSync(WHOLE)],
    ['x-gzip', gzipSync(WHOLE)],
    ['GZIP', gzipSync(WHOLE)],
    ['deflate', deflateSync(WHOLE)],
    ['br', brotliCompressSync(WHOLE)],
    ['zstd', zstdCompressSync(WHOLE)],
    ['gzip, br', brotliCompressSync(gzipSync(WHOLE))],
    ['identity', Buffer.from(WHOLE)],
  ])('a body with the content coding %s is decoded', async (coding, body) => {
    answerWith(body, { ...STREAM, 'content-encoding': coding });
    expect((await call()).text).toBe('Hello');
  });

  test('each piece of a compressed stream is decoded when it arrives', async () => {
    const stop = new AbortController();
    answer = (response) => {
      const gzip = createGzip();
      gzip.pipe(response.writeHead(200, { ...STREAM, 'content-encoding': 'gzip' }));
      gzip.write(piece('first'));
      gzip.flush(constants.Z_SYNC_FLUSH);
    };
    const first = new Promise<string>((resolve) => {
      const onDelta = (delta: { text: string }) => resolve(delta.text);
      void client.generate(modelRequest(), { signal: stop.signal, onDelta }).catch(() => undefined);
    });
    await expect(first).resolves.toBe('first');
    stop.abort();
  });

  test('a compressed error is read', async () => {
    const error = { message: 'No such model', code: 'model_not_found' };
    answerWith(gzipSync(JSON.stringify({ error })), { 'content-encoding': 'gzip' }, 404);
    await expect(call()).rejects.toMatchObject({ httpStatus: 404, report: { message: 'No such model' } });
  });

  test.each([
    ['is not what its coding says', 'gzip', 200],
    ['has more codings than are decoded', 'br,br,br,br,br,br', 200],
    ['has a status that is none', 'identity', 999],
  ])('a response that %s is a broken connection, and is closed', async (_what, coding, status) => {
    answer = (response) =>
      void response.writeHead(status, { 'content-encoding': coding }).write('not compressed, not ended');
    await expect(call()).rejects.toMatchObject({ reason: 'connection', retryable: true });
    await allClosed();
  });

  test('a header that is sent twice keeps both values', async () => {
    answer = (response) => {
      response.setHeader('x-twice', ['a', 'b']);
      response.writeHead(200, STREAM).end(WHOLE);
    };
    const fetch = createUnhurriedFetch(1);
    const { port } = server.address() as AddressInfo;
    const { headers } = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' });
    expect(headers.get('x-twice')).toBe('a, b');
  });
});

describe('connections', () => {
  test('calls one after the other share a connection', async () => {
    client = clientWith(createUnhurriedFetch(1));
    answerWith(WHOLE);
    for (let calls = 0; calls < 3; calls++) await call();
    expect(sockets.size).toBe(1);
  });

  test('a connection that the provider closed while it was idle is replaced', async () => {
    answerWith(WHOLE);
    await call();
    const [socket] = sockets as unknown as [Socket];
    socket.destroy();
    await once(socket, 'close');
    // The client has seen the close once a later connection is answered.
    await expect
      .poll(() =>
        call().then(
          ({ text: said }) => said,
          () => null,
        ),
      )
      .toBe('Hello');
    expect(sockets.size).toBe(2);
  });

  test('a connection that breaks when it is used again is a broken connection, and is not used a third time', async () => {
    answerWith(WHOLE);
    await call();
    answer = (response) => response.socket?.resetAndDestroy();
    await expect(call()).rejects.toMatchObject({ reason: 'connection', retryable: true });
    answerWith(WHOLE);
    expect((await call()).text).toBe('Hello');
    expect(sockets.size).toBe(2);
  });

  test('a call beyond the connections waits for one', async () => {
    client = clientWith(createUnhurriedFetch(2));
    const held: ServerResponse[] = [];
    answer = (response) => held.push(response.writeHead(200, STREAM));
    const calls = [call(), call(), call()];
    await expect.poll(() => held.length).toBe(2);
    expect(received).toHaveLength(2);
    held[0]?.end(WHOLE);
    await expect.poll(() => held.length).toBe(3);
    for (const response of held) if (!response.writableEnded) response.end(WHOLE);
    expect((await Promise.all(calls)).map(({ text: said }) => said)).toEqual(['Hello', 'Hello', 'Hello']);
    expect(sockets.size).toBe(2);
  });

  test('a call that waits for a connection ends with the silence that is allowed, and with an abort', async () => {
    client = clientWith(createUnhurriedFetch(1));
    const stop = new AbortController();
    answer = (response) => void response.writeHead(200, STREAM).write(': alive\n\n');
    const first = call(stop.signal).catch((error: unknown) => error);
    await expect.poll(() => received.length).toBe(1);
    await expect(hear(client, modelRequest(), undefined, 50)).rejects.toMatchObject({ reason: 'timeout' });
    const aborted = new AbortController();
    const second = call(aborted.signal);
    const reason = new Error('stop');
    aborted.abort(reason);
    await expect(second).rejects.toBe(reason);
    stop.abort(reason);
    await expect(first).resolves.toBe(reason);
    expect(received).toHaveLength(1);
  });

  test('a reply over a limit closes its connection', async () => {
    answer = (response) => void response.writeHead(200, STREAM).write(piece('x'.repeat(2_000_001)));
    await expect(call()).rejects.toMatchObject({ reason: 'too_large' });
    await allClosed();
  });
});

async function allClosed(): Promise<void> {
  for (const socket of sockets) if (!socket.destroyed) await once(socket, 'close');
}
