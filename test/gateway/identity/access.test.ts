import { beforeAll, expect, test } from 'vitest';
import type { Role } from '../../../contracts/identity/role.ts';
import { createApiKey } from '../../../store/admin/keys/create-api-key.ts';
import { converse } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { startGateway, type TestGateway } from '../start-gateway.ts';

// Every route × role × tenant, from the OpenAPI document: a new route is in it, and it needs a declared access to compile.

const database = embeddedDatabase();
const ANN = { user: 'ann', session: 'mark-of-ann' };
const MARK = 'mark-of-ann';
const CANARY = 'words-of-ann';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
}

interface Operation {
  readonly 'x-perdure-access': 'open' | 'read' | 'write' | 'inspect' | 'operate';
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

const keys: Partial<Record<string, string>> = {};
let runId = '';

beforeAll(async () => {
  const { db } = database;
  runId = await converse(db, ANN, 'm1', CANARY);
  const roles: readonly (readonly [string, string, Role])[] = [
    ['owner', 'ann', 'user'],
    ['stranger', 'bob', 'user'],
    ['service', 'backend', 'service'],
    ['operator', 'olga', 'operator'],
    ['reader', 'rita', 'reader'],
  ];
  for (const [name, user, role] of roles) keys[name] = (await createApiKey(db, { user, role }, 'test')).key;
}, 60_000);

function gateway(): TestGateway {
  return startGateway(database.db, {
    deployment: { auth: { keys: true }, limits: { requestsPerSecondPerUser: 100_000 } },
  });
}

/** Every operation, with a body that its schema accepts where that is simple. */
async function operations({ call }: TestGateway) {
  const { paths } = (await (await call('GET', '/openapi.json')).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path: path
        .replace('{id}', ANN.session)
        .replace('{run}', runId)
        .replace('{message}', 'm1')
        .replace('{step}', '1')
        .replaceAll(/\{\w+\}/g, 'x'),
      access: operation['x-perdure-access'],
      takes: (parameter: string) => operation.parameters.some(({ name }) => name === parameter),
      body: bodyOf(operation),
    })),
  );
}

function bodyOf({ requestBody }: Operation): unknown {
  const schema = requestBody?.content['application/json']?.schema;
  return schema === undefined ? undefined : sample(schema);
}

function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sample(schema.anyOf[0] ?? {});
  if (schema.type === 'object') {
    const { properties = {}, required = [] } = schema;
    return Object.fromEntries(required.map((name) => [name, sample(properties[name] ?? {})]));
  }
  return { array: [], number: 1, integer: 1, boolean: true, null: null }[schema.type ?? ''] ?? 'x';
}

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** The status, and the text of a response that ends. */
async function attempt(
  { call }: TestGateway,
  { method, path, body }: Attempt,
  key: string | undefined,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await call(method, path, method === 'GET' || method === 'DELETE' ? undefined : body, {
    // One page instead of a stream that does not end.
    accept: 'application/json',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...headers,
  });
  return { status: response.status, text: await response.text() };
}

/** Rows of the user, as they are in the store. */
async function rowsOf(user: string): Promise<unknown> {
  const tables = [
    'sessions',
    'runs',
    'messages',
    'events',
    'memories',
    'attachments',
    'inbox',
    'user_limits',
    'api_keys',
  ];
  const found = await database.db.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = 'perdure' AND column_name = 'user_id' AND table_name = ANY (string_to_array($1, ','))
      ORDER BY 1`,
    [tables.join(',')],
  );
  const rows: unknown[] = [];
  for (const { name } of found) {
    const ignored = name === 'api_keys' ? " - 'last_used_at'" : '';
    rows.push(
      await database.db.query(
        `SELECT (to_jsonb(t)${ignored})::text AS row FROM perdure.${name} t WHERE user_id = $1 ORDER BY 1`,
        [user],
      ),
    );
  }
  return rows;
}

/** What each role may use: the other half of the table in gateway/http/access.ts, written down a second time. */
const MAY: Readonly<Record<string, readonly Operation['x-perdure-access'][]>> = {
  owner: ['open', 'read', 'write'],
  stranger: ['open', 'read', 'write'],
  operator: ['open', 'read', 'write', 'inspect', 'operate'],
  reader: ['open', 'read', 'inspect'],
};

test('whoever has no valid credential reaches the open routes only', async () => {
  const started = gateway();
  const all = await operations(started);
  expect(all.length).toBeGreaterThan(50);
  for (const operation of all) {
    for (const key of [undefined, `${keys['owner']}x`, 'a.b.c']) {
      const { status } = await attempt(started, operation, key, { 'perdure-user': 'ann' });
      expect([operation.name, status === 401]).toEqual([operation.name, operation.access !== 'open']);
    }
  }
}, 60_000);

test('a role is refused exactly where the access of the route does not allow it, before its request is validated', async () => {
  const started = gateway();
  const before = await rowsOf('ann');
  for (const [role, may] of Object.entries(MAY)) {
    for (const operation of await operations(started)) {
      const isAllowed = may.includes(operation.access);
      // An invalid parameter: whoever may use the route gets that far, and nothing happens.
      const path = `${operation.path}?no-such-parameter=1`;
      const { status } = await attempt(started, { ...operation, path }, keys[role]);
      const expected = operation.access === 'open' ? [200, 503] : [isAllowed ? 400 : 403];
      expect([role, operation.name, expected.includes(status) || status]).toEqual([role, operation.name, true]);
    }
  }
  expect(await rowsOf('ann')).toEqual(before);
}, 60_000);

test('nobody but operators and readers sees anything of another user, on any route, however the user is named', async () => {
  const started = gateway();
  const before = await rowsOf('ann');
  for (const operation of await operations(started)) {
    const variants = [
      '',
      ...(operation.takes('user') ? ['?user=ann'] : []),
      ...(operation.takes('all') ? ['?all=true'] : []),
    ];
    for (const variant of variants) {
      const target = { ...operation, path: `${operation.path}${variant}` };
      for (const [key, headers] of [
        [keys['stranger'], {}],
        [keys['service'], { 'perdure-user': 'bob' }],
      ] as const) {
        const { status, text } = await attempt(started, target, key, headers);
        const where = [operation.name, variant, status];
        // A session id of one's own may be the same.
        expect([
          ...where,
          status < 300 && operation.access !== 'open' && (text.includes('"ann"') || text.includes(CANARY)),
        ]).toEqual([...where, false]);
        // Of one's own data, `all` may be everything.
        const isRefused = variant !== '?user=ann' || [400, 403, 404].includes(status);
        expect([...where, isRefused]).toEqual([...where, true]);
      }
      const named = await attempt(started, target, keys['stranger'], { 'perdure-user': 'ann' });
      const isOpen = operation.access === 'open';
      expect([operation.name, isOpen || named.status]).toEqual([operation.name, isOpen || 403]);
    }
  }
  expect(await rowsOf('ann')).toEqual(before);
}, 60_000);

test('a service acts for the user whom it names, with no more rights, and must name one', async () => {
  const { call } = gateway();
  const service = { authorization: `Bearer ${keys['service']}` };
  const get = async (path: string, headers: object) => await call('GET', path, undefined, { ...service, ...headers });
  const ann = await get(`/v1/sessions/${MARK}`, { 'perdure-user': 'ann' });
  expect(await ann.json()).toMatchObject({ user: 'ann', id: MARK });
  expect((await get(`/v1/sessions/${MARK}`, { 'perdure-user': 'carl' })).status).toBe(404);
  expect((await get('/v1/sessions', {})).status).toBe(400);
  // The name of an operator gives no role.
  expect((await get('/v1/keys', { 'perdure-user': 'olga' })).status).toBe(403);
  expect((await get('/v1/sessions?all=true', { 'perdure-user': 'olga' })).status).toBe(403);
});

test('a reader reads what operators read, and each read of others is in the audit trail', async () => {
  const { call } = gateway();
  const reader = { authorization: `Bearer ${keys['reader']}` };
  const session = await call('GET', `/v1/sessions/${MARK}?user=ann`, undefined, reader);
  expect([session.status, ((await session.json()) as { id: string }).id]).toEqual([200, MARK]);
  const audit = await call('GET', '/v1/audit?limit=1', undefined, reader);
  expect(await audit.json()).toMatchObject({ data: [{ actor: 'rita', action: 'session.read', user: 'ann' }] });
  expect((await call('POST', `/v1/sessions/${MARK}/end`, {}, reader)).status).toBe(403);
});
