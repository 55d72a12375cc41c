import { beforeAll, expect, test } from 'vitest';
import { createGatewayClient } from '../../client/http/gateway-client.ts';
import { createPerdure } from '../../client/create-perdure.ts';
import { getOrCreateSession } from '../../store/sessions/get-or-create-session.ts';
import { converse, newKey } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { runCli } from '../support/process/run-cli.ts';
import { servedGateway, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const ann = { user: 'ann', session: 'secret-of-ann' };
const bob = { user: 'bob', session: 'trip' };
beforeAll(async () => {
  const { db } = database;
  const open = { agent: 'assistant', kind: 'session', execution: null } as const;
  await getOrCreateSession(db, ann, { ...open, metadata: { topic: 'birds' } });
  await getOrCreateSession(db, bob, { ...open, metadata: { topic: 'birds' } });
  await converse(db, bob, 'm1');
  await converse(db, newKey('eve'), 'm1');
}, 60_000);

const TOKENS = { tokens: 'a=ann,b=bob,o=olga', operators: 'olga' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

interface Listed {
  readonly data: { readonly id: string; readonly user: string; readonly key: string; readonly requests: number }[];
  readonly nextCursor: string | null;
}

/** The response to one of the users. */
function asking(token: string) {
  const { call } = startGateway(database.db, TOKENS);
  return async (path: string): Promise<Listed> => {
    const response = await call('GET', path, undefined, bearer(token));
    expect([path, response.status]).toEqual([path, 200]);
    return (await response.json()) as Listed;
  };
}

test('an operator lists the sessions of another user, and of all, with the usual filters', async () => {
  const get = asking('o');
  const users = async (query: string) => (await get(`/v1/sessions?${query}`)).data.map(({ user }) => user);
  expect(await users('')).toEqual([]);
  expect(await users('user=ann')).toEqual(['ann']);
  expect(await users('user=nobody')).toEqual([]);
  expect(await users('all=true')).toEqual(['eve', 'bob', 'ann']);
  expect(await users('all=true&metadata.topic=birds')).toEqual(['bob', 'ann']);
  expect(await users('all=true&status=completed')).toEqual([]);
  expect(await users('all=true&minErrorRate=0')).toEqual(['eve', 'bob']);
  expect(await users('all=true&activeSince=2999-01-01T00:00:00Z')).toEqual([]);
  const first = await get('/v1/sessions?all=true&limit=2');
  const rest = await get(`/v1/sessions?all=true&limit=2&cursor=${encodeURIComponent(first.nextCursor as string)}`);
  expect([first, rest].map(({ data }) => data.map(({ user }) => user))).toEqual([['eve', 'bob'], ['ann']]);
});

test('an operator reads the statistics of another user, and of all by user, agent and day', async () => {
  const get = asking('o');
  expect((await get('/v1/stats?by=user&user=bob')).data).toMatchObject([{ key: 'bob', requests: 1 }]);
  expect((await get('/v1/stats?by=session&user=bob')).data).toMatchObject([{ key: 'trip', requests: 1 }]);
  expect((await get('/v1/stats?by=user&all=true')).data).toMatchObject([
    { key: 'bob', requests: 1 },
    { key: 'eve', requests: 1 },
  ]);
  expect(await get('/v1/stats?by=agent&all=true')).toMatchObject({
    data: [{ key: 'assistant', requests: 2, calls: 2 }],
    total: { requests: 2 },
  });
});

test('an operator reads the statistics by session of all users, page by page, and each read is in the audit trail', async () => {
  const get = asking('o');
  const first = await get('/v1/stats?by=session&all=true&limit=2');
  const cursor = encodeURIComponent(first.nextCursor as string);
  const rest = await get(`/v1/stats?by=session&all=true&limit=2&cursor=${cursor}`);
  expect(first.data.map(({ user, requests }) => [user, requests])).toEqual([
    ['eve', 1],
    ['bob', 1],
  ]);
  expect(first).toMatchObject({ total: { requests: 2 } });
  expect(rest).toMatchObject({ data: [{ user: 'ann', key: 'secret-of-ann', requests: 0 }], nextCursor: null });
  expect((await get('/v1/audit?action=stats.read&limit=2')).data).toMatchObject([
    { actor: 'olga', user: null },
    { actor: 'olga', user: null },
  ]);
  const { call } = startGateway(database.db, TOKENS);
  for (const [token, query, status] of [
    ['b', 'all=true&by=session', 403],
    ['o', 'all=true&by=session&limit=201', 400],
    ['o', `by=session&user=bob&cursor=${cursor}`, 400],
  ] as const) {
    const response = await call('GET', `/v1/stats?${query}`, undefined, bearer(token));
    expect([query, response.status]).toEqual([query, status]);
  }
});

test('no other user reads sessions or statistics of others, with any query', async () => {
  const { call } = startGateway(database.db, TOKENS);
  const { nextCursor } = await asking('o')('/v1/sessions?all=true&limit=1');
  const cursor = encodeURIComponent(nextCursor as string);
  const answers = async (path: string) => {
    const response = await call('GET', path, undefined, { ...bearer('b'), 'perdure-user': 'ann' });
    return { status: response.status, text: await response.text() };
  };
  for (const path of ['/v1/sessions', '/v1/stats']) {
    for (const query of ['user=ann', 'all=true', 'all=1', 'user=ann&all=false', 'all=true&user=bob', 'user=olga']) {
      const { status, text } = await answers(`${path}?${query}`);
      expect([path, query, status]).toEqual([path, query, 403]);
      expect(JSON.parse(text)).toMatchObject({
        code: 'forbidden',
        detail: expect.stringMatching(
          /^Only an operator may see the .* "bob" is not one\. Operators are set in PERDURE_OPERATORS\.$/,
        ),
      });
    }
    for (const query of [
      '',
      'all=false',
      'user=bob',
      `cursor=${cursor}`,
      'metadata.user=ann',
      'metadata.topic=birds',
    ]) {
      const { status, text } = await answers(`${path}?${query}`);
      expect([200, 400]).toContain(status);
      expect(text).not.toContain('ann');
      expect(text).not.toContain('eve');
    }
  }
  const existing = await answers('/v1/sessions/secret-of-ann?user=ann');
  expect(existing.status).toBe(403);
  expect((await answers('/v1/sessions/none?user=ann')).text.replace(/"requestId".*/, '')).toBe(
    existing.text.replace(/"requestId".*/, ''),
  );
});

test('impossible queries are refused: all users and one of them, an invalid name', async () => {
  const { call } = startGateway(database.db, TOKENS);
  for (const path of [
    '/v1/sessions?all=true&user=ann',
    '/v1/sessions?all=perhaps',
    '/v1/sessions?user=%00',
    '/v1/sessions?user=',
    '/v1/budget?user=%00',
  ]) {
    const response = await call('GET', path, undefined, bearer('o'));
    expect([path, response.status]).toEqual([path, 400]);
  }
});

test('the client has the same queries', async () => {
  const { url } = await servedGateway(database.db, TOKENS);
  const client = createGatewayClient({ url, token: 'o' });
  expect((await client.sessions({ all: true, status: 'active' })).data).toHaveLength(3);
  expect((await client.stats({ user: 'bob', by: 'user' })).data).toMatchObject([{ key: 'bob' }]);
  const perdure = createPerdure({ gateway: url, token: 'o' });
  expect((await perdure.list({ user: 'ann' })).data).toMatchObject([{ user: 'ann' }]);
});

test('the command line lists them with their users, page by page, and the next page keeps the filters', async () => {
  const { url } = await servedGateway(database.db, TOKENS);
  const operator = { PERDURE_URL: url, PERDURE_TOKEN: 'o' };
  const all = await runCli(['sessions', '--all-users', '--limit', '2'], operator);
  expect(all.stdout).toMatch(/^USER +SESSION +STATUS/m);
  expect(all.stdout).toMatch(/^bob +trip +active/m);
  const more = /^More: perdure (sessions --all-users --limit 2 --cursor \S+)$/m.exec(all.stdout)?.[1] ?? '';
  expect((await runCli(more.split(' '), operator)).stdout).toMatch(/^ann +secret-of-ann/m);
  const [of, none, stats, bySession, usage] = await Promise.all([
    runCli(
      ['sessions', '--of', 'bob', '--metadata', 'topic=birds', '--active-since', '2020-01-01', '--json'],
      operator,
    ),
    runCli(['sessions', '--of', 'bob', '--metadata', 'topic=cats'], operator),
    runCli(['stats', '--by', 'user', '--all-users'], operator),
    runCli(['stats', '--by', 'session', '--all-users', '--limit', '2'], operator),
    runCli(['usage', '--by', 'day', '--all-users'], operator),
  ]);
  expect(JSON.parse(of.stdout)).toMatchObject({ data: [{ id: 'trip', user: 'bob' }] });
  expect(none.stdout).toBe('No matching sessions of bob.\n');
  expect(stats.stdout).toMatch(/^eve +1/m);
  expect(bySession.stdout).toMatch(/^USER +SESSION +RUNS/m);
  expect(bySession.stdout).toMatch(/^bob +trip +1 /m);
  expect(bySession.stdout).toMatch(/^all +all +2 /m);
  expect(bySession.stdout).toMatch(/^More: perdure stats --by session --all-users --limit 2 --cursor \S+$/m);
  expect(usage.stdout).toContain('Usage of all users');
});

test('the command line explains a refusal, and an invalid option', async () => {
  const { url } = await servedGateway(database.db, TOKENS);
  const env = { PERDURE_URL: url, PERDURE_TOKEN: 'b' };
  const [refused, wrong, never] = await Promise.all([
    runCli(['sessions', '--all-users'], env),
    runCli(['sessions', '--metadata', 'birds'], env),
    runCli(['sessions', '--active-since', 'yesterday'], env),
  ]);
  expect(refused).toEqual({
    code: 4,
    stdout: '',
    stderr:
      'Only an operator may see the sessions of all users, and "bob" is not one. Operators are set in PERDURE_OPERATORS.\n',
  });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Expected name=value.')]);
  expect([never.code, never.stderr]).toEqual([2, expect.stringContaining('such as 2026-11-01')]);
});
