import { expect, test } from 'vitest';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import type { ApiKey, CreatedApiKey } from '../../../contracts/identity/api-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { formatApiKey, isApiKey } from '../../../core/identity/api-key-format.ts';
import { createKeyRing, type KeyStore } from '../../../gateway/identity/key-ring.ts';
import { createApiKey } from '../../../store/admin/keys/create-api-key.ts';
import type { FoundApiKey } from '../../../store/admin/keys/find-api-keys.ts';
import type { Db } from '../../../store/db/db.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { readFrames, servedGateway, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const DEPLOYMENT = { auth: { keys: true } };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function operatorKey(): Promise<string> {
  return (await createApiKey(database.db, { user: 'olga', role: 'operator' }, '(store)')).key;
}

test('an operator creates a key, which is shown once, used, listed without itself, and revoked', async () => {
  const { call } = startGateway(database.db, { deployment: DEPLOYMENT });
  const olga = bearer(await operatorKey());
  const response = await call(
    'POST',
    '/v1/keys',
    { user: 'ann', name: 'laptop', expiresAt: '2999-01-01T00:00:00Z' },
    olga,
  );
  expect([response.status, response.headers.get('cache-control')]).toEqual([201, 'no-store']);
  const { key, ...created } = (await response.json()) as CreatedApiKey;
  expect(isApiKey(key)).toBe(true);
  expect(created).toMatchObject({ user: 'ann', role: 'user', name: 'laptop', createdBy: 'olga', revokedAt: null });

  const opened = await call('POST', '/v1/sessions', { id: 'trip' }, bearer(key));
  expect(await opened.json()).toMatchObject({ user: 'ann' });
  const list = async (query = '') => await (await call('GET', `/v1/keys${query}`, undefined, olga)).text();
  expect(JSON.parse(await list('?user=ann'))).toMatchObject({ data: [{ id: created.id, hint: key.slice(0, 12) }] });
  expect(await list()).not.toContain(key.slice(0, 20));

  const revoked = await call('DELETE', `/v1/keys/${created.id}`, undefined, olga);
  expect(await revoked.json()).toMatchObject({ id: created.id, revokedBy: 'olga', revokedAt: expect.any(String) });
  expect((await call('GET', '/v1/sessions', undefined, bearer(key))).status).toBe(401);
  expect(JSON.parse(await list('?user=ann'))).toMatchObject({ data: [] });
  expect(JSON.parse(await list('?user=ann&ended=true'))).toMatchObject({ data: [{ id: created.id }] });
  const audit = await call('GET', '/v1/audit?user=ann', undefined, olga);
  const { data } = (await audit.json()) as { data: { action: string; subject: string | null; actor: string }[] };
  expect(data.filter(({ subject }) => subject === created.id).map(({ action, actor }) => [action, actor])).toEqual([
    ['keys.revoke', 'olga'],
    ['keys.create', 'olga'],
  ]);
});

test('the key itself is in no table, and neither it nor an id that is a key is in an error', async () => {
  const { db } = database;
  const { call } = startGateway(db, { deployment: DEPLOYMENT });
  const key = await operatorKey();
  const tables = await db.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'perdure' AND table_type = 'BASE TABLE'`,
  );
  expect(tables.length).toBeGreaterThan(20);
  for (const { name } of tables) {
    const [row] = await db.query<{ found: boolean }>(
      `SELECT EXISTS (SELECT FROM perdure.${name} t WHERE t::text LIKE '%' || $1 || '%') AS found`,
      [key.slice(14)],
    );
    expect([name, row?.found]).toEqual([name, false]);
  }
  const other = formatApiKey(new Uint8Array(32).fill(7));
  for (const [path, credential] of [
    [`/v1/keys/${other}`, key],
    ['/v1/sessions', other],
    ['/v1/sessions', `${other.slice(0, -1)}!`],
  ] as const) {
    const response = await call(path.includes('keys') ? 'DELETE' : 'GET', path, undefined, bearer(credential));
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.text()).not.toContain(other.slice(0, 30));
  }
});

test('a key with a wrong checksum causes no statement, and a cached one none either', async () => {
  const { db } = database;
  const statements: string[] = [];
  const counting: Db = { ...db, query: async (sql, params) => (statements.push(sql), await db.query(sql, params)) };
  const { call } = startGateway(counting, { deployment: DEPLOYMENT });
  const key = await operatorKey();
  const keyStatements = () => statements.filter((sql) => sql.includes('api_keys')).length;
  for (const wrong of [`${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`, key.slice(0, -1), `${key}0`]) {
    expect((await call('GET', '/v1/agents', undefined, bearer(wrong))).status).toBe(401);
  }
  expect(keyStatements()).toBe(0);
  expect((await call('GET', '/v1/agents', undefined, bearer(key))).status).toBe(200);
  // The lookup, and the record of its use in the background.
  expect(keyStatements()).toBe(2);
  for (let n = 0; n < 20; n += 1) await call('GET', '/v1/agents', undefined, bearer(key));
  expect(keyStatements()).toBe(2);
});

test('an expired key, and one with a role of a newer version, are refused; too many failures of an address are 429', async () => {
  const { db } = database;
  const { gateway } = startGateway(db, {
    deployment: { ...DEPLOYMENT, limits: { failedAuthenticationsPerMinute: 20 } },
  });
  const ask = async (key: string, address = '10.0.0.1') =>
    (await gateway.fetch(new Request('http://localhost/v1/agents', { headers: bearer(key) }), { address })).status;
  const [expired, newer, valid] = await Promise.all([operatorKey(), operatorKey(), operatorKey()]);
  await db.query(`UPDATE perdure.api_keys SET expires_at = now() - interval '1 s' WHERE hint = $1`, [
    expired.slice(0, 12),
  ]);
  await db.query(`UPDATE perdure.api_keys SET role = 'emperor' WHERE hint = $1`, [newer.slice(0, 12)]);
  expect([await ask(expired), await ask(newer)]).toEqual([401, 401]);
  expect(await ask(formatApiKey(new Uint8Array(32).fill(9)))).toBe(429);
  expect([await ask(valid), await ask(expired, '10.0.0.2')]).toEqual([200, 401]);
});

test('tokens, keys and the header of a page work side by side; a stream of a key ends when the key is revoked', async () => {
  const gateway = await servedGateway(database.db, { tokens: 'dev=dora', operators: 'dora' });
  const dora = createGatewayClient({ url: gateway.url, token: 'dev' });
  const { key, id } = await dora.createKey({ user: 'eve' });
  let renewals = 0;
  const eve = createGatewayClient({ url: gateway.url, token: async () => ((renewals += 1), key) });
  await eve.open('live', {});
  const response = await fetch(`${gateway.url}/v1/sessions/live/events`, { headers: bearer(key) });
  const frames = readFrames(response);
  expect((await dora.keys({ user: 'eve' })).data.map((one: ApiKey) => one.id)).toEqual([id]);
  await dora.revokeKey(id);
  expect((await frames).map(({ event }) => event)).toContain('session.opened');
  await expect(eve.snapshot('live')).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(renewals).toBe(2);
});

/** A store whose keys a test sets, and a clock. */
function ringOf(stored: Map<string, FoundApiKey>) {
  let nowMs = 1_000_000;
  const reads: string[][] = [];
  let fails = false;
  const store: KeyStore = {
    async find({ hashes, ids }) {
      reads.push([...hashes, ...ids]);
      if (fails) throw new Error('away');
      return [...stored.values()].filter(({ hash, id }) => hashes.includes(hash) || ids.includes(id));
    },
    recordUse: async () => undefined,
  };
  const ring = createKeyRing(store, () => nowMs);
  return { ring, reads, pass: (ms: number) => (nowMs += ms), fail: () => (fails = true) };
}

const FOUND: FoundApiKey = { id: 'k1', hash: 'h1', user: 'ann', role: 'user', expiresAt: null };
const settled = () => new Promise((resolve) => void setImmediate(resolve));

test('another gateway feels a revocation within 5 seconds, whether a key is used constantly or was not for a while', async () => {
  for (const stepMs of [100, 1_000, 4_500]) {
    const stored = new Map([['k1', FOUND]]);
    const { ring, pass } = ringOf(stored);
    expect(await ring.findByHash('h1')).toMatchObject({ user: 'ann' });
    stored.clear();
    let sinceMs = 0;
    while (sinceMs < LIMITS.apiKeyCheckMs.value) {
      pass(stepMs);
      sinceMs += stepMs;
      await ring.findByHash('h1');
      await settled();
    }
    expect([stepMs, await ring.findByHash('h1')]).toEqual([stepMs, null]);
    ring.close();
  }
});

test('many lookups at once are one statement at a time; while the store is away a key lasts no longer than the limit', async () => {
  const { ring, reads, pass, fail } = ringOf(new Map([['k1', FOUND]]));
  const found = await Promise.all(Array.from({ length: 100 }, (_, n) => ring.findByHash(n === 0 ? 'h1' : `x${n}`)));
  expect(found.filter((key) => key !== null)).toHaveLength(1);
  expect(reads.length).toBeLessThanOrEqual(2);
  fail();
  pass(3_000);
  expect(await ring.findByHash('h1')).toMatchObject({ user: 'ann' });
  await settled();
  pass(2_000);
  await expect(ring.findByHash('h1')).rejects.toThrow('away');
  ring.close();
});
