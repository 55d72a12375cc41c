import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encryptionCodec } from '../../../codec/encryption-codec.ts';
import type { RemotePayload, RemotePayloads } from '../../../contracts/codec/remote-codec.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { GatewayOptions } from '../../../gateway/create-gateway.ts';
import { readAudit } from '../../../store/admin/audit/read-audit.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { startGateway, type TestGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const CODEC = encryptionCodec({ key: `k1:${randomBytes(32).toString('base64')}` });
const UI = 'https://temporal.example.com';
const OPERATOR = { authorization: 'Bearer op-token', 'x-namespace': 'production' };

const base64 = (text: string) => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('{"content":"hello"}') };

function gateway(options: Partial<GatewayOptions> = {}): TestGateway {
  return startGateway(database.db, {
    payloadCodecs: [CODEC],
    tokens: 'op-token=olga,ann-token=ann',
    operators: 'olga',
    origins: UI,
    ...options,
  });
}

async function payloadsOf(response: Response): Promise<RemotePayload[]> {
  expect(response.status).toBe(200);
  return ((await response.json()) as RemotePayloads).payloads;
}

async function encoded({ call }: TestGateway): Promise<RemotePayload[]> {
  return await payloadsOf(await call('POST', '/v1/codec/encode', { payloads: [PLAIN] }, OPERATOR));
}

test('an operator decodes what was encoded, and caches keep none of it', async () => {
  const started = gateway();
  const payloads = await encoded(started);
  expect(payloads[0]?.metadata?.['encoding']).toBe(base64('binary/encrypted'));
  const response = await started.call('POST', '/v1/codec/decode', { payloads }, OPERATOR);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await payloadsOf(response)).toEqual([PLAIN]);
});

test('others than operators and readers may not', async () => {
  const { call } = gateway();
  const [unknown, user] = await Promise.all([
    call('POST', '/v1/codec/decode', { payloads: [] }),
    call('POST', '/v1/codec/decode', { payloads: [] }, { authorization: 'Bearer ann-token' }),
  ]);
  expect([unknown.status, user.status]).toEqual([401, 403]);
  expect(((await user.json()) as { detail: string }).detail).toContain('Only an operator may decode payloads');
});

test('pages of the Temporal UI may call it, with the headers that they send', async () => {
  const started = gateway();
  const response = await started.gateway.app.request('http://gateway/v1/codec/decode', {
    method: 'OPTIONS',
    headers: { origin: UI, 'access-control-request-method': 'POST' },
  });
  expect(response.headers.get('access-control-allow-origin')).toBe(UI);
  const allowed = response.headers.get('access-control-allow-headers') ?? '';
  for (const name of ['Authorization', 'Authorization-Extras', 'Content-Type', 'X-Namespace'])
    expect(allowed.split(', ')).toContain(name);
});

test('reading payloads is audited, once for all requests of a minute', async () => {
  const started = gateway({ tokens: 'op-token=otto', operators: 'otto' });
  const payloads = await encoded(started);
  for (const namespace of ['production', 'production', 'staging']) {
    await started.call('POST', '/v1/codec/decode', { payloads }, { ...OPERATOR, 'x-namespace': namespace });
  }
  const filter = { user: null, actor: 'otto', action: null, session: null, from: null, to: null };
  const { data } = await readAudit(database.db, filter, { limit: 10, cursor: undefined });
  expect(data.map(({ action, subject }) => [action, subject])).toEqual([
    ['payloads.read', 'staging'],
    ['payloads.read', 'production'],
  ]);
});

test('requests are bounded in size and in number of payloads, and have to be payloads', async () => {
  const { call } = gateway();
  const large = { payloads: [{ data: 'A'.repeat(LIMITS.codecRequestBytes.value) }] };
  const many = { payloads: Array.from({ length: LIMITS.codecPayloads.value + 1 }, () => ({})) };
  const wrong = { payloads: [{ data: 'not base64!' }] };
  const statuses = [];
  for (const body of [large, many, wrong]) {
    statuses.push((await call('POST', '/v1/codec/decode', body, OPERATOR)).status);
  }
  expect(statuses).toEqual([413, 400, 400]);
});

test('a gateway without keys says so', async () => {
  const { call } = gateway({ payloadCodecs: [] });
  for (const path of ['/v1/codec/decode', '/v1/codec/encode']) {
    const response = await call('POST', path, { payloads: [PLAIN] }, OPERATOR);
    expect(response.status).toBe(404);
    expect(((await response.json()) as { detail: string }).detail).toContain('Set PERDURE_CODEC_KEY');
  }
});
