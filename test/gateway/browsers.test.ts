import { randomUUID } from 'node:crypto';
import { EventSource, type MessageEvent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import { createStreamTokens } from '../../gateway/http/stream-tokens.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { servedGateway, sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const APP = 'https://app.example.com';
const TOKENS = 'ann-token=ann,bob-token=bob';
const ANN = { authorization: 'Bearer ann-token' };
const ANN_AS_CALLER = { user: 'ann', role: 'user', keyId: null, expiresAtMs: null } as const;

async function preflight({ gateway }: TestGateway, origin: string, path = '/v1/sessions', host = 'localhost') {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  return gateway.app.request(`http://${host}${path}`, { method: 'OPTIONS', headers });
}

async function streamToken({ call }: TestGateway, body: object): Promise<string> {
  const response = await call('POST', '/v1/stream-tokens', body, ANN);
  expect(response.status).toBe(201);
  return ((await response.json()) as { token: string }).token;
}

test('without authentication pages of loopback origins may call, and read every response', async () => {
  const gateway = startGateway(database.db);
  const origin = 'http://localhost:5173';
  const allowed = await preflight(gateway, origin);
  expect(allowed.status).toBe(204);
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    allow: 'POST, GET, HEAD, OPTIONS',
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST, GET, HEAD',
    'access-control-allow-headers': expect.stringContaining('Authorization'),
    vary: 'Origin',
  });
  const failed = await gateway.call('GET', sessionPath('absent'), undefined, { origin });
  expect(failed.status).toBe(404);
  expect(failed.headers.get('access-control-allow-origin')).toBe(origin);
  expect(failed.headers.get('access-control-expose-headers')).toContain('Retry-After');
});

test.each([
  ['https://attacker.example', 'localhost'],
  ['null', 'localhost'],
  // A name of another site that resolves to loopback.
  ['http://localhost:5173', 'attacker.example'],
])('pages of the origin %s that call the host %s get no CORS headers', async (origin, host) => {
  const gateway = startGateway(database.db, { origins: 'https://attacker.example' });
  expect((await preflight(gateway, origin, '/v1/sessions', host)).headers.has('access-control-allow-origin')).toBe(
    false,
  );
  const response = await gateway.gateway.app.request(`http://${host}/v1/sessions`, { headers: { origin } });
  expect([response.status, response.headers.has('access-control-allow-origin')]).toEqual([403, false]);
});

test('with authentication the pages of the configured origins may call, and no others', async () => {
  const gateway = startGateway(database.db, { tokens: TOKENS, origins: ` ${APP}/ , http://localhost:3000` });
  for (const [origin, allowed] of [
    [APP, APP],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://localhost:5173', null],
    ['https://app.example.com.attacker.example', null],
  ] as const) {
    expect((await preflight(gateway, origin)).headers.get('access-control-allow-origin')).toBe(allowed);
    const refused = await gateway.call('GET', '/v1/sessions', undefined, { origin });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, allowed]);
  }
});

test.each(['app.example.com', 'https://app.example.com/path', '*'])('the origin %s prevents the start', (origins) => {
  expect(() => startGateway(database.db, { tokens: TOKENS, origins })).toThrow(/PERDURE_ORIGINS/);
});

test('a stream token opens the stream of its session, at any gateway with the same tokens, and nothing else', async () => {
  const gateway = startGateway(database.db, { tokens: TOKENS });
  const other = startGateway(database.db, { tokens: 'bob-token=bob,ann-token=ann' });
  const foreign = startGateway(database.db, { tokens: 'ann-token=ann' });
  const id = randomUUID();
  await gateway.call('POST', '/v1/sessions', { id }, ANN);
  const query = `access_token=${await streamToken(gateway, { session: id })}`;
  const sse = { accept: 'text/event-stream' };
  const statusOf = async ({ call }: TestGateway, path: string, headers: Record<string, string> = sse) =>
    (await call('GET', path, undefined, headers)).status;
  expect(await statusOf(gateway, `${sessionPath(id, 'events')}?${query}`)).toBe(200);
  expect(await statusOf(other, `${sessionPath(id, 'events')}?${query}`)).toBe(200);
  expect(await statusOf(foreign, `${sessionPath(id, 'events')}?${query}`)).toBe(401);
  expect(await statusOf(gateway, `${sessionPath(id, 'events')}?${query}x`)).toBe(401);
  expect(await statusOf(gateway, `${sessionPath(id, 'events')}?${query}`, { accept: 'application/json' })).toBe(401);
  expect(await statusOf(gateway, `${sessionPath(randomUUID(), 'events')}?${query}`)).toBe(403);
  expect(await statusOf(gateway, `/v1/runs/${id}/events?${query}`)).toBe(403);
  expect(await statusOf(gateway, `${sessionPath(id)}?${query}`)).toBe(401);
  expect((await gateway.call('HEAD', `${sessionPath(id, 'events')}?${query}`, undefined, sse)).status).toBe(401);
  expect((await gateway.call('POST', '/v1/stream-tokens', {}, ANN)).status).toBe(400);
});

test('a stream token expires', () => {
  let nowMs = 1_000;
  const tokens = createStreamTokens('secret', () => nowMs);
  const target = { kind: 'session', id: 'trip' } as const;
  const { token, expiresAt } = tokens.issue(ANN_AS_CALLER, target);
  nowMs = Date.parse(expiresAt) - 1;
  expect(tokens.verify(token, target)).toEqual(ANN_AS_CALLER);
  nowMs += 1;
  expect(() => tokens.verify(token, target)).toThrow('The stream token in access_token is expired');
  expect(nowMs).toBe(1_000 + LIMITS.streamTokenMs.value);
});

test('no other text is accepted in place of a stream token', () => {
  const target = { kind: 'session', id: 's1' } as const;
  const tokens = createStreamTokens('secret');
  const { token } = tokens.issue(ANN_AS_CALLER, target);
  const [payload = '', signature = ''] = token.split('.');
  for (const other of [
    `${token}.`,
    `${token}.extra`,
    `${token}=`,
    `${token} `,
    `${payload}.!${signature}`,
    `${payload}.${signature.slice(0, -1)}`,
    payload,
    `.${signature}`,
    '',
  ]) {
    expect(() => tokens.verify(other, target)).toThrow('not valid here');
  }
});

test('a page reads an answer with a stream token, opened before the session exists', async () => {
  const gateway = await servedGateway(database.db, { tokens: TOKENS, origins: APP });
  const id = randomUUID();
  gateway.sender.onWake = (key, { runId }) => void gateway.sender.answer(key, runId, 'hello');
  const query = new URLSearchParams({
    awaitSession: 'true',
    access_token: await streamToken(gateway, { session: id }),
  });
  const source = new EventSource(`${gateway.url}${sessionPath(id, 'events')}?${query.toString()}`);
  onTestFinished(() => source.close());
  const opened = new Promise((resolve) => source.addEventListener('open', resolve));
  const completed = new Promise<string>((resolve) =>
    source.addEventListener('run.completed', (event) => resolve((event as MessageEvent<string>).data)),
  );
  await opened;
  await gateway.call('POST', sessionPath(id, 'messages'), { content: 'hi' }, ANN);
  expect(JSON.parse(await completed)).toMatchObject({ type: 'run.completed', output: 'hello' });
});
