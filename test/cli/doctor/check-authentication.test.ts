import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { checkAuthentication } from '../../../cli/doctor/check-authentication.ts';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import { createApiKey } from '../../../store/admin/keys/create-api-key.ts';
import { revokeApiKey } from '../../../store/admin/keys/revoke-api-key.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = embeddedDatabase();
/** Nothing listens there. */
const NO_GATEWAY = { client: createGatewayClient({ url: 'http://127.0.0.1:1' }) };

/** The finding with this block `auth` of the deployment file. */
async function find(auth: unknown, env: Record<string, string> = {}, deps = NO_GATEWAY) {
  const file = join(await temporaryFolder(), 'perdure.yaml');
  await writeFile(file, JSON.stringify(auth === undefined ? {} : { auth }));
  return await checkAuthentication(deps, { PERDURE_CONFIG: file, ...env });
}

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}

/** What is wrong with these settings. */
async function problemOf(settings: object): Promise<string> {
  const { state, found, remedy } = await find(settings);
  expect([state, remedy]).toEqual(['problem', expect.stringContaining('auth.jwt')]);
  return found;
}

/** An issuer that responds with these documents, by path; 404 for others. */
async function issuerWith(documents: (origin: string) => Readonly<Record<string, unknown>>): Promise<string> {
  const server = createServer((request, response) => {
    const found = documents(`http://${request.headers.host}`)[request.url ?? ''];
    response.writeHead(found === undefined ? 404 : 200).end(typeof found === 'string' ? found : JSON.stringify(found));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const jwt = (issuer: string, more: object = {}) => ({ jwt: { issuer, audience: 'perdure', ...more } });
const DISCOVERY = '/.well-known/openid-configuration';
const publicKey = async () => ({ ...(await exportJWK(generateKeyPairSync('ed25519').publicKey)), kid: 'one' });

test.each(['0.0.0.0', '192.168.1.7', '::', '127.0.0.1.example.com', 'localhost.example.com'])(
  'no authentication is a problem where the gateway would listen on %s, and none where keys are accepted',
  async (host) => {
    const env = { PERDURE_HOST: host };
    expect(await find(undefined, env)).toMatchObject({
      state: 'problem',
      found: `none, and the gateway would listen on ${host}`,
      remedy: expect.stringContaining('auth.keys') as string,
    });
    expect(await find({ keys: true }, env)).toMatchObject({ state: 'ok', found: 'API keys' });
    expect(await find(undefined, { ...env, PERDURE_TOKENS: 'secret=ada' })).toMatchObject({
      state: 'ok',
      found: 'API keys, tokens of PERDURE_TOKENS',
    });
  },
);

test.each(['127.0.0.1', '::1', 'localhost'])('no authentication on %s is worth a note', async (host) => {
  expect(await find(undefined, { PERDURE_HOST: host })).toMatchObject({ state: 'note', remedy: null });
});

test('keys that have expired lately or expire soon are named with their users; revoked ones and others are not', async () => {
  const { db } = database;
  const operator = await createApiKey(db, { user: 'olga', role: 'operator' }, 'test');
  const keyOf = (user: string, expiresAt?: string) =>
    createApiKey(db, { user, ...(expiresAt === undefined ? {} : { expiresAt }) }, 'test');
  const [soon, expired, long, revoked] = await Promise.all(
    ['soon', 'expired', 'long', 'revoked'].map((user) => keyOf(user, inDays(user === 'long' ? 90 : 5))),
  );
  await db.query(`UPDATE perdure.api_keys SET expires_at = $2 WHERE key_id = $1`, [expired?.id, inDays(-3)]);
  await revokeApiKey(db, revoked?.id ?? '', 'test');
  await keyOf('unlimited');
  const { url } = await servedGateway(db, { deployment: { auth: { keys: true } } });

  const client = createGatewayClient({ url, token: operator.key });
  const finding = await find({ keys: true }, {}, { client });
  expect(finding).toMatchObject({
    state: 'note',
    found: `API keys; have expired: ${expired?.id} (expired); expire within 14 days: ${soon?.id} (soon)`,
    remedy: expect.stringContaining('perdure keys create') as string,
  });
  expect(JSON.stringify(finding)).not.toContain(long?.id);
  // Whoever may not list keys is told nothing of them.
  const stranger = { client: createGatewayClient({ url, token: long?.key }) };
  expect(await find({ keys: true }, {}, stranger)).toMatchObject({ state: 'ok', found: 'API keys' });
});

test('an issuer whose key set can be fetched is fine, by discovery and by the address of the key set', async () => {
  const key = await publicKey();
  const url = await issuerWith((origin) => ({
    [DISCOVERY]: { issuer: origin, jwks_uri: `${origin}/keys` },
    '/keys': { keys: [key] },
  }));
  expect(await find(jwt(url))).toMatchObject({ state: 'ok', found: `API keys, tokens of ${url}` });
  expect(await find(jwt('issuer', { jwksUrl: `${url}/keys` }))).toMatchObject({ state: 'ok' });
});

test('what keeps the key set from being fetched is a problem, which names the address', async () => {
  const away = `http://127.0.0.1:${await freePort()}`;
  expect(await problemOf(jwt(away))).toBe(`${away}${DISCOVERY} does not respond`);
  expect(await problemOf(jwt('issuer', { jwksUrl: `${away}/keys` }))).toBe(`${away}/keys does not respond`);

  const withoutKeys = await issuerWith((origin) => ({ [DISCOVERY]: { issuer: origin, jwks_uri: `${origin}/keys` } }));
  expect(await problemOf(jwt(withoutKeys))).toBe(`${withoutKeys}/keys responded with the status 404`);
  const other = await issuerWith((origin) => ({ [DISCOVERY]: { issuer: 'https://b.example', jwks_uri: origin } }));
  expect(await problemOf(jwt(other))).toContain('of another issuer');
  const page = await issuerWith(() => ({ [DISCOVERY]: '<html>', '/keys': { error: 'none' }, '/empty': { keys: [] } }));
  expect(await problemOf(jwt(page))).toBe(`${page}${DISCOVERY} is not a discovery document`);
  expect(await problemOf(jwt('issuer', { jwksUrl: `${page}/keys` }))).toBe(`${page}/keys is not a key set`);
  expect(await problemOf(jwt('issuer', { jwksUrl: `${page}/empty` }))).toBe(`${page}/empty has no public key`);
});
