import { expect, test } from 'vitest';
import { embeddedDatabase } from '../support/store/databases.ts';
import { sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();

interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly security?: readonly unknown[] }>>;
}

async function documentOf({ call }: TestGateway): Promise<OpenApi> {
  return (await (await call('GET', '/openapi.json')).json()) as OpenApi;
}

async function userSeen(gateway: TestGateway, headers: Record<string, string>): Promise<unknown> {
  const response = await gateway.call('POST', '/v1/sessions', { id: 'mine' }, headers);
  return ((await response.json()) as { user?: string; code?: string }).user ?? response.status;
}

test('without authentication the header names the user, in any alphabet; the default is local', async () => {
  const gateway = startGateway(database.db);
  expect(await userSeen(gateway, {})).toBe('local');
  expect(await userSeen(gateway, { 'perdure-user': 'ann@example.org' })).toBe('ann@example.org');
  expect(await userSeen(gateway, { 'perdure-user': encodeURIComponent('Анна 100%') })).toBe('Анна 100%');
  expect(await userSeen(gateway, { 'perdure-user': '100%' })).toBe(400);
  expect(await userSeen(gateway, { 'perdure-user': 'J\u00fcrgen' })).toBe(400);
});

test.each(['ann-token=ann,bob-token=bob', '{"ann-token": "ann", "bob-token": "bob"}'])(
  'with tokens (%s) the token determines the user, whatever the header says',
  async (tokens) => {
    const gateway = startGateway(database.db, { tokens });
    expect(await userSeen(gateway, { authorization: 'Bearer ann-token' })).toBe('ann');
    expect(await userSeen(gateway, { authorization: 'bearer bob-token', 'perdure-user': 'ann' })).toBe('bob');
    expect(await userSeen(gateway, { authorization: 'Bearer ann-toke' })).toBe(401);
    expect(await userSeen(gateway, { authorization: 'Basic ann-token' })).toBe(401);
    expect(await userSeen(gateway, { authorization: 'Bearer ann-token extra' })).toBe(401);
    expect(await userSeen(gateway, { authorization: 'Bearer ann-token, Bearer bob-token' })).toBe(401);
    expect(await userSeen(gateway, { 'perdure-user': 'ann' })).toBe(401);
  },
);

test.each([
  ['c2VjcmV0==ada', 'c2VjcmV0=', 'ada'],
  ['c2VjcmV0Zg===ada', 'c2VjcmV0Zg==', 'ada'],
  ['plain=ada=lovelace', 'plain', 'ada=lovelace'],
  ['{"c2VjcmV0": "=ada"}', 'c2VjcmV0', '=ada'],
])('in %s the token is %s, padding included, and the user %s', async (tokens, token, user) => {
  const gateway = startGateway(database.db, { tokens });
  expect(await userSeen(gateway, { authorization: `Bearer ${token}` })).toBe(user);
  expect(await userSeen(gateway, { authorization: `Bearer ${token}=` })).toBe(401);
  expect(await userSeen(gateway, { authorization: `Bearer ${token.slice(0, -1)}` })).toBe(401);
});

test('a user that cannot own a session is refused on every route', async () => {
  const gateway = startGateway(database.db);
  const users = ['a%0d%0ab', '%00', '%1b[31m', encodeURIComponent('é'.repeat(200))];
  for (const [method, path] of [
    ['GET', '/v1/sessions'],
    ['GET', '/v1/budget'],
    ['GET', '/v1/usage'],
    ['GET', '/v1/agents'],
  ] as const) {
    for (const user of users) {
      const { status } = await gateway.call(method, path, undefined, { 'perdure-user': user });
      expect([path, user, status]).toEqual([path, user, 400]);
    }
  }
});

test('with a metrics token, only a request that carries it reads the metrics', async () => {
  const gateway = startGateway(database.db, { metricsToken: 'scrape' });
  const metrics = async (headers: Record<string, string> = {}): Promise<number> =>
    (await gateway.call('GET', '/metrics', undefined, headers)).status;
  expect(await metrics()).toBe(401);
  expect(await metrics({ authorization: 'Bearer other' })).toBe(401);
  expect(await metrics({ authorization: 'Bearer scrape extra' })).toBe(401);
  expect(await metrics({ authorization: 'Bearer scrape' })).toBe(200);
  expect((await gateway.call('GET', '/healthz')).status).toBe(200);
});

test.each([
  '{"a": 1}',
  '{"secret',
  'secret',
  '=ann',
  'secret=',
  'secret=ann,secret=bob',
  '{"secret": "ann", "secret": "bob"}',
  'a secret=ann',
  'secret=a\u0007nn',
])('invalid tokens (%s) prevent the start', (tokens) => {
  const start = (): unknown => startGateway(database.db, { tokens });
  expect(start).toThrow(/PERDURE_TOKENS/);
  expect(start).not.toThrow(/secret/);
});

test('with tokens every call needs one, except the open ones', async () => {
  const gateway = startGateway(database.db, { tokens: 'ann-token=ann' });
  const { paths } = await documentOf(gateway);
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(operations)) {
      const { status } = await gateway.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'));
      expect([path, method, status]).toEqual([path, method, security === undefined ? 401 : 200]);
    }
  }
});

test('pages of other sites cannot reach a gateway without authentication', async () => {
  const { gateway } = startGateway(database.db);
  const request = async (url: string, headers = {}): Promise<number> =>
    (await gateway.app.request(`${url}/v1/sessions`, { headers })).status;
  // A host name of another site that resolves to loopback (DNS rebinding).
  expect(await request('http://attacker.example')).toBe(403);
  expect(await request('http://localhost', { origin: 'https://attacker.example' })).toBe(403);
  expect(await request('http://localhost', { origin: 'null' })).toBe(403);
  expect(await request('http://localhost', { origin: 'http://localhost:5173' })).toBe(200);
  expect(await request('http://127.0.0.1:4747')).toBe(200);
  expect(await request('http://[::1]:4747')).toBe(200);
});

test("every call on another user's session or run is a 404, and changes nothing", async () => {
  const gateway = startGateway(database.db, { tokens: 'eve-token=eve,fay-token=fay' });
  const eve = { authorization: 'Bearer eve-token' };
  const fay = { authorization: 'Bearer fay-token' };
  const { runId } = (await (
    await gateway.call('POST', sessionPath('private', 'messages'), { id: 'm', content: 'secret' }, eve)
  ).json()) as { runId: string };
  const oneOff = (await (await gateway.call('POST', '/v1/runs', { content: 'secret' }, eve)).json()) as {
    runId: string;
  };
  const before = await (await gateway.call('GET', sessionPath('private'), undefined, eve)).json();

  const bodies: [string, object][] = [
    ['/counts', { key: 'k', requests: 1 }],
    ['/approvals/{item}', { decision: 'approve' }],
    ['/client-calls/{item}', { result: 1 }],
  ];
  const { paths } = await documentOf(gateway);
  const walked: string[] = [];
  for (const [path, operations] of Object.entries(paths)) {
    if (!/\{(?:id|run)\}/.test(path)) continue;
    for (const method of Object.keys(operations)) {
      const run = path.startsWith('/v1/runs') ? oneOff.runId : runId;
      const target = path
        .replace('{id}', 'private')
        .replace('{run}', run)
        .replace('{message}', 'm')
        .replace('{step}', '1');
      // Fay may have a session of the same id: a message creates it, and it is empty.
      if (method === 'post' && path.endsWith('/messages')) continue;
      const valid = bodies.find(([end]) => path.endsWith(end))?.[1] ?? {};
      const body = method === 'get' || method === 'delete' ? undefined : valid;
      const response = await gateway.call(method.toUpperCase(), target, body, fay);
      walked.push(`${method} ${path}`);
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(await response.text()).not.toContain('secret');
    }
  }
  expect(walked.length).toBeGreaterThanOrEqual(13);
  const after = await (await gateway.call('GET', sessionPath('private'), undefined, eve)).json();
  expect(after).toEqual(before);
  const list = await (await gateway.call('GET', '/v1/sessions', undefined, fay)).json();
  expect(list).toEqual({ data: [], nextCursor: null });
});

test("a message to another user's session id makes a session of one's own", async () => {
  const gateway = startGateway(database.db, { tokens: 'cid-token=cid,dan-token=dan' });
  const events = async (token: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    return (await gateway.call('GET', sessionPath('same', 'events'), undefined, headers)).text();
  };
  for (const name of ['cid', 'dan']) {
    const headers = { authorization: `Bearer ${name}-token` };
    await gateway.call('POST', sessionPath('same', 'messages'), { id: 'm', content: `words of ${name}` }, headers);
  }
  expect(await events('cid-token')).not.toContain('words of dan');
  expect(await events('dan-token')).not.toContain('words of cid');
});
