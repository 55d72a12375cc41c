import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import { problemSchema } from '../../contracts/problem.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { createLog } from '../../telemetry/log.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
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
  ['PUT', sessionPath('s'), 404],
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
  ['GET', '/v1/sessions?cursor=nonsense', 400],
])('%s %s is a %i', async (method, path, status) => {
  const { call } = startGateway(database.db);
  expect(await problemOf(await call(method, path))).toMatchObject({ status });
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
  const { call, sender } = startGateway(database.db, { telemetry: createTelemetry({ log }) });
  const failure = new Error('secret words');
  sender.submit = async () => Promise.reject(failure);
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
  const { call, sender } = startGateway(database.db);
  sender.submit = async () => Promise.reject(new PerdureError('queue_full', 'full', { retryAfterMs: 1_200 }));
  expect((await call('POST', messages, { content: 'a' })).headers.get('retry-after')).toBe('2');
  sender.submit = async () => Promise.reject(new PerdureError('temporal_unavailable', 'away'));
  expect((await call('POST', messages, { content: 'a' })).headers.get('retry-after')).toBe('1');
});
