import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, SignJWT, type JWTPayload } from 'jose';
import { expect, test } from 'vitest';
import type { JwtSettings } from '../../../contracts/identity/auth-settings.ts';
import { authSettingsSchema } from '../../../contracts/identity/auth-settings.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { createJwtVerifier } from '../../../gateway/identity/jwt-verifier.ts';
import { createKeySet } from '../../../gateway/identity/key-set.ts';

const ISSUER = 'https://issuer.example';
const NOW = Date.parse('2026-11-28T12:00:00Z');
const NOW_S = NOW / 1_000;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

const jwks = async () => ({
  keys: [
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256' },
    { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256' },
    { kty: 'oct', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA', kid: 'shared', alg: 'HS256' },
  ],
});

/** An issuer that counts the requests to it. */
function issuer(responses: { body?: () => Promise<unknown>; fails?: () => boolean } = {}) {
  const asked: string[] = [];
  const fetch = (async (url: string) => {
    asked.push(url);
    if (responses.fails?.() === true) throw new TypeError('fetch failed');
    if (url.endsWith('/.well-known/openid-configuration')) {
      return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` });
    }
    return Response.json(await (responses.body ?? jwks)());
  }) as typeof globalThis.fetch;
  return { asked, fetch };
}

let clock = NOW;
const now = () => clock;

function verifier(settings: Partial<JwtSettings> = {}, from = issuer()) {
  const all: JwtSettings = { issuer: ISSUER, audience: 'perdure', ...settings };
  return createJwtVerifier(all, createKeySet({ settings: all, fetch: from.fetch, now }), now);
}

const CLAIMS = { iss: ISSUER, aud: 'perdure', sub: 'ann', iat: NOW_S - 10, exp: NOW_S + 300 };

function sign(claims: object, header: object = {}, key: KeyObject = rsa.privateKey): Promise<string> {
  return new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: 'RS256', kid: 'rsa', ...header }).sign(key);
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token of the issuer names its user, found by discovery, with RSA and with an elliptic curve', async () => {
  const from = issuer();
  const verify = verifier({}, from);
  expect(await verify(await sign(CLAIMS))).toMatchObject({ user: 'ann', role: 'user', groups: [] });
  expect(await verify(await sign(CLAIMS, { alg: 'ES256', kid: 'ec' }, ec.privateKey))).toMatchObject({ user: 'ann' });
  expect(from.asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, `${ISSUER}/keys`]);
});

const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });

function hs256(secret: string | Buffer, header: object = {}): string {
  const signed = `${base64({ alg: 'HS256', kid: 'rsa', ...header })}.${base64(CLAIMS)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const FORGERIES: readonly (readonly [string, () => Promise<string> | string, RegExp])[] = [
  ['without a signature (alg none)', () => `${base64({ alg: 'none' })}.${base64(CLAIMS)}.`, /algorithm|not a valid/],
  [
    'alg None in other letters',
    () => `${base64({ alg: 'nOnE', kid: 'rsa' })}.${base64(CLAIMS)}.`,
    /algorithm|not a valid/,
  ],
  ['HS256 with the public key as the secret', () => hs256(publicPem), /algorithm/],
  [
    'HS256 with a shared secret of the key set',
    () => hs256(Buffer.from('c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA', 'base64url'), { kid: 'shared' }),
    /algorithm/,
  ],
  ['signed by somebody else', () => sign(CLAIMS, {}, stranger.privateKey), /wrong signature/],
  [
    'with an embedded key',
    async () => sign(CLAIMS, { kid: 'mine', jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
    /key that its issuer does not have/,
  ],
  [
    'with the address of a key set',
    () => sign(CLAIMS, { kid: 'mine', jku: 'https://attacker.example/keys' }, stranger.privateKey),
    /key that its issuer/,
  ],
  [
    'with the address of a certificate',
    () => sign(CLAIMS, { kid: 'mine', x5u: 'https://attacker.example/cert' }, stranger.privateKey),
    /key that its issuer/,
  ],
  ['with an algorithm that is not configured', () => sign(CLAIMS, { alg: 'RS512' }), /algorithm/],
  [
    'with the algorithm of another key',
    () => sign(CLAIMS, { alg: 'ES256', kid: 'rsa' }, ec.privateKey),
    /key that its issuer/,
  ],
  ['of another issuer', () => sign({ ...CLAIMS, iss: 'https://other.example' }), /"iss" does not fit/],
  ['of the issuer with a slash', () => sign({ ...CLAIMS, iss: `${ISSUER}/` }), /"iss" does not fit/],
  ['for another audience', () => sign({ ...CLAIMS, aud: ['other'] }), /"aud" does not fit/],
  ['without an audience', () => sign({ ...CLAIMS, aud: undefined }), /"aud"/],
  ['that has expired', () => sign({ ...CLAIMS, exp: NOW_S - 31 }), /has expired/],
  ['that never expires', () => sign({ ...CLAIMS, exp: undefined }), /"exp" is missing/],
  ['whose expiry is a text', () => sign({ ...CLAIMS, exp: '9999999999' }), /"exp"/],
  ['that is not valid yet', () => sign({ ...CLAIMS, nbf: NOW_S + 60 }), /"nbf" does not fit/],
  ['that is too old, whatever its expiry', () => sign({ ...CLAIMS, iat: NOW_S - 90_000 }), /expired|"iat"/],
  ['from the future', () => sign({ ...CLAIMS, iat: NOW_S + 3_600 }), /"iat"/],
  ['without the time of issue', () => sign({ ...CLAIMS, iat: undefined }), /"iat" is missing/],
  [
    'with an unknown critical extension',
    () => `${base64({ alg: 'RS256', kid: 'rsa', crit: ['exotic'], exotic: true })}.${base64(CLAIMS)}.AAAA`,
    /not a valid/,
  ],
  ['without a user', () => sign({ ...CLAIMS, sub: undefined }), /no text as its claim "sub"/],
  ['whose user is a number', () => sign({ ...CLAIMS, sub: 7 }), /no text as its claim "sub"/],
  ['whose user is a list', () => sign({ ...CLAIMS, sub: ['ann'] }), /"sub"/],
  ['whose user is empty', () => sign({ ...CLAIMS, sub: '' }), /cannot be a user/],
  ['whose user has a control character', () => sign({ ...CLAIMS, sub: 'ann\u0000' }), /cannot be a user/],
  ['whose user is half a character', () => sign({ ...CLAIMS, sub: 'ann\ud800' }), /cannot be a user/],
  ['whose user is too long', () => sign({ ...CLAIMS, sub: 'a'.repeat(2_000) }), /cannot be a user/],
  [
    'within a token',
    async () => {
      const inner = await sign(CLAIMS);
      const signed = `${base64({ alg: 'RS256', kid: 'rsa', cty: 'JWT' })}.${Buffer.from(inner).toString('base64url')}`;
      return `${signed}.AAAA`;
    },
    /wrong signature|not a valid/,
  ],
  ['larger than the limit', () => sign({ ...CLAIMS, filler: 'x'.repeat(LIMITS.jwtBytes.value) }), /larger than 8 KiB/],
  [
    'with changed claims',
    async () => {
      const [header, , signature] = (await sign(CLAIMS)).split('.');
      return `${header}.${base64({ ...CLAIMS, sub: 'bob' })}.${signature}`;
    },
    /wrong signature/,
  ],
  ['that is no JSON', () => 'abc.def.ghi', /not a valid/],
];

test.each(FORGERIES)('a token %s is refused, and is not in the message', async (_, forge, reason) => {
  clock = NOW;
  const token = await forge();
  const refusal = await verifier()(token).then(
    () => null,
    (error: unknown) => error as Error & { code: string },
  );
  expect(refusal).toMatchObject({ code: 'unauthenticated', message: expect.stringMatching(reason) });
  expect(refusal?.message).not.toContain(token.slice(0, 20));
});

test.each([
  ['ann%2Fbob', 'ann/bob'],
  ['ann', 'ann '],
  ['Ann', 'ann'],
  ['\u00e9', 'e\u0301'],
])('users that differ only by their encoding stay apart: %j and %j', async (one, other) => {
  const verify = verifier();
  const users = await Promise.all([one, other].map(async (sub) => (await verify(await sign({ ...CLAIMS, sub }))).user));
  expect(users).toEqual([one, other]);
});

test('claims give roles and groups, by their name or their path; of several roles the first counts', async () => {
  const roles = { claim: 'realm.roles', operator: ['admin'], reader: ['audit'], service: ['backend'] };
  const verify = verifier({ roles, groupsClaim: 'https://example.com/groups', userClaim: 'email' });
  const claims = { ...CLAIMS, email: 'ann@example.com', 'https://example.com/groups': ['finance', 7] };
  const roleOf = async (given: unknown) => (await verify(await sign({ ...claims, realm: { roles: given } }))).role;
  expect(await roleOf(['audit', 'admin'])).toBe('operator');
  expect(await roleOf('audit other')).toBe('reader');
  expect(await roleOf(['backend'])).toBe('service');
  expect([
    await roleOf(undefined),
    await roleOf([]),
    await roleOf({ admin: true }),
    await roleOf('administrator'),
  ]).toEqual(['user', 'user', 'user', 'user']);
  expect(await verify(await sign(claims))).toMatchObject({ user: 'ann@example.com', groups: ['finance'] });
  const strict = verifier({ roles: { ...roles, user: ['member'] } });
  await expect(strict(await sign(claims))).rejects.toMatchObject({ code: 'forbidden' });
  expect(await strict(await sign({ ...claims, realm: { roles: ['member'] } }))).toMatchObject({ role: 'user' });
});

test('however many tokens name unknown keys, the issuer is asked once in its cool-down', async () => {
  clock = NOW;
  const from = issuer();
  const verify = verifier({ jwksUrl: `${ISSUER}/keys` }, from);
  await verify(await sign(CLAIMS));
  const forged = await Promise.all(
    Array.from({ length: 20 }, (_, n) => sign(CLAIMS, { kid: `k${n}` }, stranger.privateKey)),
  );
  await Promise.all(forged.map((token) => expect(verify(token)).rejects.toThrow('key that its issuer')));
  expect(from.asked).toHaveLength(1);
  clock += LIMITS.keySetCoolDownMs.value;
  await Promise.all(forged.map((token) => expect(verify(token)).rejects.toThrow('key that its issuer')));
  expect(from.asked).toHaveLength(2);
});

test('a new key is found at once after the cool-down; the last key set is used while the issuer is away, for a day', async () => {
  clock = NOW;
  let keys = { keys: [] as object[] };
  let away = false;
  const verify = verifier(
    { jwksUrl: `${ISSUER}/keys`, maxAgeSeconds: 31_536_000 },
    issuer({ body: async () => keys, fails: () => away }),
  );
  const token = await sign({ ...CLAIMS, exp: NOW_S + 1e6 });
  await expect(verify(token)).rejects.toThrow('key that its issuer');
  keys = await jwks();
  clock += LIMITS.keySetCoolDownMs.value;
  expect(await verify(token)).toMatchObject({ user: 'ann' });
  away = true;
  clock += LIMITS.keySetKeptMs.value;
  expect(await verify(token)).toMatchObject({ user: 'ann' });
  clock += LIMITS.keySetCoolDownMs.value;
  await expect(verify(token)).rejects.toMatchObject({ code: 'issuer_unavailable' });
  away = false;
  clock += LIMITS.keySetCoolDownMs.value;
  expect(await verify(token)).toMatchObject({ user: 'ann' });
});

test.each([
  ['too large', async () => Response.json({ keys: [], filler: 'x'.repeat(LIMITS.keySetBytes.value) })],
  ['redirects', async () => Response.redirect('https://attacker.example/keys')],
  ['no JSON', async () => new Response('<html>')],
  ['not a key set', async () => Response.json({ keys: 'none' })],
])('a key set that is %s is not used', async (_, respond) => {
  clock = NOW;
  const settings = { issuer: ISSUER, audience: 'perdure', jwksUrl: `${ISSUER}/keys` };
  const fetch = respond as unknown as typeof globalThis.fetch;
  const verify = createJwtVerifier(settings, createKeySet({ settings, fetch, now }), now);
  await expect(verify(await sign(CLAIMS))).rejects.toMatchObject({ code: 'issuer_unavailable' });
});

const accepts = (jwt: object): boolean => authSettingsSchema.safeParse({ jwt }).success;

test('settings need TLS, and no algorithm has a shared secret', () => {
  const valid = { issuer: ISSUER, audience: 'a' };
  expect(accepts(valid)).toBe(true);
  expect(accepts({ ...valid, issuer: 'http://127.0.0.1:8080/realm' })).toBe(true);
  expect(accepts({ ...valid, issuer: 'http://issuer.example' })).toBe(false);
  expect(accepts({ ...valid, issuer: 'joe', jwksUrl: 'https://issuer.example/keys' })).toBe(true);
  expect(accepts({ ...valid, jwksUrl: 'http://issuer.example/keys' })).toBe(false);
  expect(accepts({ ...valid, jwksUrl: 'http://127.0.0.1.attacker.example/keys' })).toBe(false);
  expect(accepts({ ...valid, algorithms: ['HS256'] })).toBe(false);
  expect(accepts({ ...valid, algorithms: ['none'] })).toBe(false);
});
