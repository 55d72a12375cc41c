import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import { problemSchema } from '../../contracts/problem.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { Db } from '../../store/db/db.ts';
import { createLog } from '../../telemetry/log.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { getOrCreateSession } from '../../store/sessions/get-or-create-session.ts';
import { converse } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { sessionPath, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = problemSchema.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  return problem;
}

/** A request with a raw body. */
async function post(path: string, body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers = {}) {
  const { gateway } = startGateway(database.db);
  const type = { 'content-type': 'application/json', ...headers };
  return gateway.app.request(path, { method: 'POST', body, headers: type, duplex: 'half' });
}

const messages = sessionPath('s', 'messages');

test.each([
  ['broken JSON', '{"content": "secret words', 'not valid JSON'],
  ['no object', '[1]', 'body'],
  ['a missing field', '{}', '"content"'],
  ['an empty message', '{"content": "  "}', 'must not be empty'],
  ['a NUL', '{"content": "secret\\u0000words"}', 'NUL'],
  ['a wrong type', '{"content": 7}', '"content"'],
  ['a wrong choice', '{"content": "a", "whileRunning": "never"}', '"never"'],
  ['a bad agent name', '{"content": "a", "agent": "no such/agent"}', '"no such/agent"'],
  ['a control character in an id', '{"content": "a", "id": "a\\u0007"}', 'control characters'],
  ['an id that is too long', `{"content": "a", "id": "${'x'.repeat(201)}"}`, '"id"'],
  ['an unknown field', '{"content": "a", "colour": "red"}', 'colour'],
  ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'UTF-8'],
])('%s is a 400 that names it', async (_, body, names) => {
  const problem = await problemOf(await post(messages, body));
  expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
  expect(problem.detail).toContain(names);
  expect(problem.detail).not.toContain('secret');
});

test('JSON that is nested too deeply is a 400', async () => {
  const depth = 200_000;
  const problem = await problemOf(
    await post('/v1/sessions', `{"metadata": {"a": ${'['.repeat(depth)}${']'.repeat(depth)}}}`),
  );
  expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
});

test.each([
  ['more values than the limit', `[${'[],'.repeat(30_000)}[]]`, 'values'],
  ['a body over the limit of its route', `"${'x'.repeat(LIMITS.patchRequestBytes.value)}"`, 'bytes'],
])('metadata in %s is a 413 before it is parsed', async (_, json, names) => {
  const problem = await problemOf(await post('/v1/sessions', `{"metadata": {"a": ${json}, broken`));
  expect(problem).toMatchObject({ status: 413, code: 'too_large' });
  expect(problem.detail).toContain(names);
});

test('a small request has a small limit', async () => {
  const body = `{"reason": "${'x'.repeat(LIMITS.smallRequestBytes.value)}"}`;
  expect(await problemOf(await post(sessionPath('s', 'end'), body))).toMatchObject({ status: 413 });
});

test('a key __proto__ is a 400', async () => {
  const problem = await problemOf(await post('/v1/sessions', '{"metadata": {"a": {"__proto__": 1}}}'));
  expect(problem).toMatchObject({ status: 400, detail: 'The body must not contain the key "__proto__".' });
});

test('a compressed body is a 415', async () => {
  const problem = await problemOf(await post(messages, '{"content": "a"}', { 'content-encoding': 'gzip' }));
  expect(problem).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  const plain = await post(messages, '{"content": "a"}', { 'content-encoding': 'identity' });
  expect(plain.status).toBe(202);
});

test('another content type is a 400, which keeps forms of other sites out', async () => {
  const problem = await problemOf(await post(messages, '{"content": "a"}', { 'content-type': 'text/plain' }));
  expect(problem.detail).toContain('text/plain');
});

test('a body over the limit is a 413, with or without Content-Length', async () => {
  const big = JSON.stringify({ content: 'x'.repeat(10 * 1024 * 1024) });
  expect(await problemOf(await post(messages, big, { 'content-length': String(big.length) }))).toMatchObject({
    status: 413,
    code: 'too_large',
  });
  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(64 * 1024));
    },
  });
  expect(await problemOf(await post(messages, endless))).toMatchObject({ status: 413 });
  expect(pulled).toBeLessThan((2 * LIMITS.requestBytes.value) / (64 * 1024));
});

test('a message over its limit is a 413', async () => {
  const content = 'ü'.repeat(LIMITS.messageBytes.value / 2 + 1);
  expect(await problemOf(await post(messages, JSON.stringify({ content })))).toMatchObject({ status: 413 });
});

test.each([
  ['GET', '/v1/nothing', 404],
  ['PUT', sessionPath('s'), 405],
  ['GET', sessionPath('nope'), 404],
  ['GET', sessionPath('nope', 'events'), 404],
  ['GET', '/v1/sessions/%zz', 400],
  ['GET', '/v1/sessions/%ff', 400],
  ['GET', `/v1/sessions/a%00b`, 400],
  ['GET', sessionPath('x'.repeat(400)), 400],
  ['GET', '/v1/sessions?limit=0', 400],
  ['GET', '/v1/sessions?limit=many', 400],
  ['GET', '/v1/sessions?status=asleep', 400],
  ['GET', '/v1/sessions?activeSince=yesterday', 400],
  ['GET', '/v1/sessions?idPrefix=', 400],
  ['GET', '/v1/sessions?idPrefix=a%00', 400],
  ['GET', '/v1/sessions?cursor=nonsense', 400],
])('%s %s is a %i', async (method, path, status) => {
  const { call } = startGateway(database.db);
  expect(await problemOf(await call(method, path))).toMatchObject({ status });
});

const cursor = (...position: unknown[]) => Buffer.from(JSON.stringify(position)).toString('base64url');

test.each([
  ['/v1/sessions?metadata.a=1e131073', 200],
  ['/v1/sessions?metadata.a=1e-20000', 200],
  [`/v1/sessions?metadata.a=${encodeURIComponent('"\\u0000"')}`, 200],
  [`/v1/sessions?metadata.a=${encodeURIComponent('"\\ud800"')}`, 200],
  ['/v1/sessions?metadata.a=%00', 200],
  ['/v1/sessions?metadata.a%00=1', 200],
  ['/v1/sessions?activeSince=2026-01-01T00:00:00%2B16:00', 200],
  ['/v1/sessions?activeSince=9999-12-31T23:59:59-23:59', 400],
  ['/v1/sessions?activeSince=0000-01-01T00:00:00Z', 400],
  ['/v1/sessions?activeSince=0001-01-01T00:00:00%2B01:00', 400],
  [`/v1/sessions?cursor=${cursor('9999-99-99T99:99:99.999Z', 'a')}`, 400],
  [`/v1/sessions?cursor=${cursor('2026-02-31T00:00:00.000Z', 'a')}`, 400],
  [`/v1/sessions?cursor=${cursor('0000-01-01T00:00:00.000Z', 'a')}`, 400],
  [`/v1/maintenance/sweeps?cursor=${cursor('9999-99-99T99:99:99.999Z', 'a')}`, 400],
  [`/v1/stats?by=session&cursor=${cursor('a', 'b')}`, 400],
  [`/v1/sessions?cursor=${'x'.repeat(5_000)}`, 400],
  ['/v1/usage?from=0000-01-01', 400],
  ['/v1/stats?from=0000-01-01&to=0000-01-02', 400],
  ['/v1/runs?to=0000-01-01', 400],
  ['/v1/audit?from=0000-12-31', 400],
  ['/v1/usage?from=2026-02-31', 400],
  ['/v1/sessions/known/events?after=2147483648', 400],
  ['/v1/sessions/known/transcript?cursor=2147483648', 400],
])('the odd query %s is a %i, and never a fault', async (path, status) => {
  const { db } = database;
  await getOrCreateSession(
    db,
    { user: 'local', session: 'known' },
    { agent: 'assistant', kind: 'session', execution: null },
  );
  const { call } = startGateway(db);
  const response = await call('GET', path, undefined, { accept: 'application/json' });
  expect(response.status).toBe(status);
});

test.each([
  [
    'GET',
    '/v1/sessions?limt=5',
    'There is no query parameter "limt" here. Did you mean "limit"? Known parameters: status, ',
  ],
  ['GET', '/v1/sessions?Limit=5', 'Did you mean "limit"?'],
  ['GET', '/v1/sessions?metadata=x', 'user, all, metadata.NAME.'],
  ['GET', '/v1/sessions?limit=5&limit=6', 'The query parameter "limit" is given twice. Send it once.'],
  ['GET', '/v1/sessions?__proto__=x', 'There is no query parameter "__proto__" here.'],
  ['DELETE', `${sessionPath('s')}?archiv=true`, 'Did you mean "archive"? Known parameters: archive'],
  ['GET', `${sessionPath('s')}?usr=bob`, 'Did you mean "user"? Known parameters: user.'],
  [
    'POST',
    `${sessionPath('s', 'messages')}?user=bob`,
    'There is no query parameter "user" here. This endpoint has none.',
  ],
  ['GET', '/v1/agents?page=2', 'There is no query parameter "page" here. This endpoint has none.'],
  ['GET', `${sessionPath('s', 'events')}?acess_token=t`, 'Did you mean "access_token"?'],
])('%s %s is refused: %s', async (method, path, detail) => {
  const { call } = startGateway(database.db);
  const body = method === 'POST' ? { content: 'hi' } : undefined;
  expect(await problemOf(await call(method, path, body))).toMatchObject({
    status: 400,
    code: 'invalid_request',
    detail: expect.stringContaining(detail),
  });
});

test('probes may send any query', async () => {
  const { call } = startGateway(database.db);
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
    expect([path, (await call('GET', `${path}?now=1`)).status]).toEqual([path, 200]);
});

test('a method that a path does not have is a 405 that lists those that it has, and OPTIONS lists them too', async () => {
  const { call } = startGateway(database.db);
  const put = await call('PUT', '/v1/sessions/s');
  expect(put.headers.get('allow')).toBe('GET, HEAD, PATCH, DELETE, OPTIONS');
  expect((await problemOf(put)).detail).toContain(
    'PUT is not supported at /v1/sessions/{id}. Use GET, HEAD, PATCH, DELETE.',
  );
  const options = await call('OPTIONS', '/v1/runs');
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
  expect((await call('PUT', '/v1/nothing')).status).toBe(404);
});

test('a body of null is not an empty body', async () => {
  for (const path of ['/v1/sessions', '/v1/maintenance/clean', sessionPath('s', 'end')]) {
    expect((await problemOf(await post(path, 'null'))).code).toBe('invalid_request');
  }
});

test('a message id that cannot be part of a URL path is refused', async () => {
  for (const id of ['.', '..']) {
    const problem = await problemOf(await post(messages, JSON.stringify({ content: 'a', id })));
    expect(problem.detail).toContain('cannot be part of a URL path');
  }
});

test('the media types of Accept are compared without case and by their quality', async () => {
  const { db } = database;
  await converse(db, { user: 'local', session: 'accept' }, 'm1');
  const { call } = startGateway(db);
  const type = async (accept: string) => {
    const response = await call('GET', sessionPath('accept', 'events'), undefined, { accept });
    await response.body?.cancel();
    return response.headers.get('content-type');
  };
  expect(await type('Application/JSON')).toContain('application/json');
  expect(await type('text/event-stream;q=0, application/json')).toContain('application/json');
  expect(await type('text/event-stream, application/json')).toContain('text/event-stream');
  expect(await type('*/*')).toContain('text/event-stream');
});

test('the message of an internal error stays in the log', async () => {
  const { call, sender } = startGateway(database.db);
  sender.open = async () => {
    throw new PerdureError('internal', 'SQLSTATE 22003');
  };
  const problem = await problemOf(await call('POST', '/v1/sessions', {}));
  expect(problem).toMatchObject({ code: 'internal', detail: expect.stringContaining(problem.requestId) });
  expect(problem.detail).not.toContain('SQLSTATE');
});

test('an event number that is invalid, or beyond the newest, is a 400', async () => {
  const { call } = startGateway(database.db);
  const id = randomUUID();
  await call('POST', '/v1/sessions', { id });
  const path = sessionPath(id, 'events');
  expect(await problemOf(await call('GET', path, undefined, { 'last-event-id': 'abc' }))).toMatchObject({
    status: 400,
  });
  expect(await problemOf(await call('GET', `${path}?after=-1`))).toMatchObject({ status: 400 });
  expect(await problemOf(await call('GET', `${path}?after=99`))).toMatchObject({ status: 400 });
});

test('a session id that cannot be part of a path is refused', async () => {
  const { call } = startGateway(database.db);
  expect(await problemOf(await call('POST', '/v1/sessions', { id: '..' }))).toMatchObject({ status: 400 });
});

test('an internal failure is a 500 that contains only an id for the log', async () => {
  const lines: string[] = [];
  const log = createLog({ format: 'json', write: (line) => lines.push(line) });
  const failing = storeThatFails(new Error('secret words'));
  const { call } = startGateway(failing, { telemetry: createTelemetry({ log }) });
  const problem = await problemOf(await call('POST', messages, { content: 'a' }));
  expect(problem).toMatchObject({ status: 500, code: 'internal' });
  expect(problem.detail).not.toContain('secret');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'error',
    msg: 'Request failed',
    requestId: problem.requestId,
    route: '/v1/sessions/{id}/messages',
    error: { name: 'Error', at: expect.arrayContaining([expect.stringContaining('bad-requests.test.ts')]) },
  });
  expect(lines[0]).not.toContain('secret');
});

test('Retry-After is set where a retry makes sense', async () => {
  const full = startGateway(storeThatFails(new PerdureError('queue_full', 'full', { retryAfterMs: 1_200 })));
  expect((await full.call('POST', messages, { content: 'a' })).headers.get('retry-after')).toBe('2');
  const away = startGateway(storeThatFails(new PerdureError('temporal_unavailable', 'away')));
  expect((await away.call('POST', messages, { content: 'a' })).headers.get('retry-after')).toBe('1');
});

test('while the store is away it is not claimed that a message was not accepted', async () => {
  const { call } = startGateway(storeThatFails(new PerdureError('store_unavailable', 'The store is away.')));
  const refused = await call('POST', messages, { id: 'm', content: 'a' });
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(await problemOf(refused)).toMatchObject({
    status: 503,
    code: 'store_unavailable',
    detail: 'The store is unavailable, so it is not known whether this was accepted. Send it again with the same id.',
  });
});

/** The store, whose writes fail. */
function storeThatFails(error: Error): Db {
  const fail = async () => Promise.reject(error);
  return { ...database.db, transaction: fail, attempt: fail };
}
