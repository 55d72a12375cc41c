import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpFetch, type HttpFetchOptions } from '../../../agents/tools/http-fetch.ts';
import { toolContext } from '../../support/tool-context.ts';

/** Serves on 127.0.0.1 under the name `site.test`, the only one that is allowed there. */
async function site(listener: RequestListener) {
  const requests: string[] = [];
  const lookups: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.headers.host?.split(':')[0]}${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const options: HttpFetchOptions = {
    lookup: async (hostname) => {
      lookups.push(hostname);
      return [{ address: '127.0.0.1', family: 4 }];
    },
    allow: (hostname) => hostname === 'site.test',
  };
  return { requests, lookups, port, url: `http://site.test:${port}`, options };
}

function get(url: string, options: HttpFetchOptions = {}, signal?: AbortSignal): Promise<unknown> {
  return Promise.resolve(
    createHttpFetch(options).execute({ url }, toolContext(signal === undefined ? {} : { signal })),
  );
}

const text = (body: string | Buffer, headers: Record<string, string> = {}): RequestListener => {
  return (_request, response) => response.writeHead(200, { 'content-type': 'text/plain', ...headers }).end(body);
};

test('a page is read as text, with its address, status and type', async () => {
  const { url, options, lookups } = await site(text('Grüße', { 'content-type': 'text/plain; charset=utf-8' }));
  await expect(get(`${url}/a?b=c`, options)).resolves.toEqual({
    url: `${url}/a?b=c`,
    status: 200,
    contentType: 'text/plain; charset=utf-8',
    text: 'Grüße',
    truncated: false,
  });
  // Resolved once: the address that was checked is the one that was used.
  expect(lookups).toEqual(['site.test']);
});

test('a declared charset is decoded, an unknown one is read as UTF-8, and packed bodies are unpacked', async () => {
  const latin = await site(text(Buffer.from('é', 'latin1'), { 'content-type': 'text/html; charset="ISO-8859-1"' }));
  await expect(get(latin.url, latin.options)).resolves.toMatchObject({ text: 'é' });
  const odd = await site(text('é', { 'content-type': 'text/html; charset=klingon' }));
  await expect(get(odd.url, odd.options)).resolves.toMatchObject({ text: 'é' });
  const packed = await site(text(gzipSync('packed'), { 'content-encoding': 'gzip' }));
  await expect(get(packed.url, packed.options)).resolves.toMatchObject({ text: 'packed' });
});

test.each([
  'application/json',
  'application/problem+json; charset=utf-8',
  'application/xml',
  'application/atom+xml',
  'text/html',
])('%s is text', async (type) => {
  const { url, options } = await site(text('{}', { 'content-type': type }));
  await expect(get(url, options)).resolves.toMatchObject({ text: '{}' });
});

test.each(['image/png', 'application/octet-stream', 'application/pdf', ''])('the type %j is refused', async (type) => {
  const { url, options } = await site((_request, response) => {
    if (type !== '') response.setHeader('content-type', type);
    response.end('x');
  });
  await expect(get(url, options)).rejects.toThrow(/status 200\) is .*not text, JSON or XML/);
});

test('an error status is a result, not a failure', async () => {
  const { url, options } = await site((_request, response) =>
    response.writeHead(404, { 'content-type': 'text/plain' }).end('gone'),
  );
  await expect(get(url, options)).resolves.toMatchObject({ status: 404, text: 'gone' });
});

test('a redirect is followed, relative to its page, and the last address is told', async () => {
  const { url, options, requests } = await site((request, response) =>
    request.url === '/a/start'
      ? response.writeHead(302, { location: '../end' }).end()
      : response.writeHead(200, { 'content-type': 'text/plain' }).end('there'),
  );
  await expect(get(`${url}/a/start`, options)).resolves.toMatchObject({ url: `${url}/end`, text: 'there' });
  expect(requests).toEqual(['site.test/a/start', 'site.test/end']);
});

test('five redirects are followed, and a sixth is not', async () => {
  const { url, options, requests } = await site((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end();
    else response.writeHead(200, { 'content-type': 'text/plain' }).end('there');
  });
  await expect(get(`${url}/5`, options)).resolves.toMatchObject({ text: 'there' });
  requests.length = 0;
  await expect(get(`${url}/6`, options)).rejects.toThrow('redirects more than 5 times');
  expect(requests).toHaveLength(6);
});

test.each([
  ['a loopback address', (port: number) => `http://127.0.0.1:${port}/secret`, 'loopback'],
  ['a mapped address', (port: number) => `http://[::ffff:127.0.0.1]:${port}/secret`, 'loopback'],
  ['a name that resolves to one', (port: number) => `http://inside.test:${port}/secret`, 'no public address'],
  ['another scheme', () => 'file:///etc/passwd', 'begins with file:'],
  ['credentials', (port: number) => `http://ada:pw@site.test:${port}/secret`, 'user name or password'],
])('a redirect to %s is refused, and nothing is asked of it', async (_what, target, message) => {
  const { url, options, port, requests } = await site((request, response) =>
    request.url === '/start'
      ? response.writeHead(302, { location: target(port) }).end()
      : response.writeHead(200, { 'content-type': 'text/plain' }).end('secret'),
  );
  await expect(get(`${url}/start`, options)).rejects.toThrow(message);
  expect(requests).toEqual(['site.test/start']);
});

test.each([
  'http://127.0.0.1',
  'http://127.1',
  'http://2130706433',
  'http://0x7f000001',
  'http://0177.0.0.1',
  'http://0',
  'http://[::1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[fe80::1]',
  'http://[fd00::1]',
  'http://10.0.0.1',
  'http://192.168.0.1',
  'http://100.64.0.1',
  'http://224.0.0.1',
  'http://169.254.169.254/latest/meta-data/',
  'http://１２７.0.0.1',
])('%s is refused without a connection', async (url) => {
  await expect(get(url, { lookup: () => expect.unreachable('an address is not resolved') })).rejects.toMatchObject({
    name: 'ToolError',
    retryable: false,
    message: expect.stringContaining('not a public one') as string,
  });
});

test.each([
  ['127.0.0.1', 4],
  ['10.0.0.7', 4],
  ['169.254.169.254', 4],
  ['::1', 6],
  ['::ffff:10.0.0.7', 6],
  ['fd00::7', 6],
])('a name that resolves to %s is refused, and its address is not told', async (address, family) => {
  const failure = get('https://inside.test/', { lookup: async () => [{ address, family }] });
  await expect(failure).rejects.toMatchObject({ name: 'ToolError', retryable: false });
  await expect(failure).rejects.toThrow('The host inside.test has no public address');
  await expect(failure).rejects.not.toThrow(address);
});

test('a private address among public ones is refused', async () => {
  const mixed = ['8.8.8.8', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  await expect(get('http://mixed.test', { lookup: async () => mixed })).rejects.toThrow('no public address');
});

test('a name that turns private between two connections is refused at the second', async () => {
  const { url, options, requests } = await site((_request, response) =>
    response.writeHead(302, { location: '/again', connection: 'close' }).end(),
  );
  let answers = 0;
  const failure = get(`${url}/start`, { ...options, allow: () => ++answers === 1 });
  await expect(failure).rejects.toThrow('no public address');
  expect(requests).toEqual(['site.test/start']);
});

test('a name that resolves to nothing may be tried again, with the message of a name that is internal', async () => {
  const message = 'The host none.test has no public address. Use the host of a public page.';
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND none.test'), { code: 'ENOTFOUND' });
  for (const lookup of [async () => [], () => Promise.reject(unknown)]) {
    await expect(get('http://none.test', { lookup })).rejects.toMatchObject({ message, retryable: true });
  }
  const internal = get('http://none.test', { lookup: async () => [{ address: '10.0.0.7', family: 4 }] });
  await expect(internal).rejects.toMatchObject({ message, retryable: false });
});

test('a resolver that fails may be tried again', async () => {
  const unresolved = get('http://none.test', { lookup: () => Promise.reject(new Error('getaddrinfo EAI_AGAIN')) });
  await expect(unresolved).rejects.toThrow('could not be fetched: getaddrinfo EAI_AGAIN');
  await expect(unresolved).rejects.not.toHaveProperty('retryable');
});

test.each([
  ['not a url', 'is not valid'],
  ['ftp://example.com', 'begins with ftp:'],
  ['file:///etc/passwd', 'begins with file:'],
  ['data:text/plain,hi', 'begins with data:'],
  ['http://ada@example.com', 'user name or password'],
  ['http://:pw@example.com', 'user name or password'],
])('%s is refused', async (url, message) => {
  await expect(get(url)).rejects.toThrow(message);
});

test('a huge body is cut at 200,000 bytes between characters, and is not read to its end', async () => {
  let ended = false;
  const closed = Promise.withResolvers<void>();
  const { url, options } = await site((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.on('close', () => closed.resolve());
    // Starts with an odd number of bytes, so that the limit falls into the middle of a character.
    response.write('x');
    const more = (): void => {
      while (!response.destroyed && response.write('é'.repeat(50_000)));
    };
    response.on('drain', more).on('finish', () => {
      ended = true;
    });
    more();
  });
  const page = (await get(url, options)) as { text: string; truncated: boolean };
  expect(page.truncated).toBe(true);
  expect(page.text).toBe(`x${'é'.repeat(99_999)}`);
  await closed.promise;
  expect(ended).toBe(false);
});

test('a body of exactly 200,000 bytes is whole', async () => {
  const { url, options } = await site(text('x'.repeat(200_000)));
  await expect(get(url, options)).resolves.toMatchObject({ truncated: false, text: 'x'.repeat(200_000) });
});

test('a body that does not end is given up when its time is over', async () => {
  const closed = Promise.withResolvers<void>();
  const { url, options } = await site((_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, { 'content-type': 'text/plain' }).write('a beginning');
  });
  await expect(get(url, { ...options, timeoutMs: 300 })).rejects.toThrow('took longer than 300 ms');
  await closed.promise;
});

test('a cancel ends the request with its reason', async () => {
  const cancel = new AbortController();
  const closed = Promise.withResolvers<void>();
  const { url, options } = await site((_request, response) => {
    response.on('close', () => closed.resolve());
    cancel.abort(new Error('the user said so'));
  });
  await expect(get(url, options, cancel.signal)).rejects.toThrow('the user said so');
  await closed.promise;
});

test('a connection that is cut is a failure that may be tried again', async () => {
  const { url, options } = await site((request) => request.socket.destroy());
  await expect(get(url, options)).rejects.toThrow('The page could not be fetched');
  await expect(get(url, options)).rejects.not.toHaveProperty('retryable');
});

test('the tool is idempotent and quick enough to run in place', () => {
  expect(createHttpFetch()).toMatchObject({ name: 'http_fetch', idempotent: true, timeoutMs: 10_000 });
});
