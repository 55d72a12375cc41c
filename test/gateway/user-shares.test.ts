import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { PerdureError } from '../../contracts/errors.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { servedGateway, sessionPath, startGateway, type TestGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const ANN = { authorization: 'Bearer ann-token' };
const BOB = { authorization: 'Bearer bob-token' };
const OPS = { authorization: 'Bearer ops-token' };

function gatewayWith(limits: NonNullable<Deployment['limits']>): TestGateway {
  const tokens = 'ann-token=ann,bob-token=bob,ops-token=ops';
  return startGateway(database.db, { tokens, operators: 'ops', deployment: { limits } });
}

async function expectLimited(response: Response, setting: string): Promise<void> {
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await response.json()).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining(setting) });
}

test('event streams are limited for each user', async () => {
  const { call } = gatewayWith({ streamsPerUser: 1 });
  const id = randomUUID();
  for (const user of [ANN, BOB]) await call('POST', '/v1/sessions', { id }, user);
  const first = (await call('GET', sessionPath(id, 'events'), undefined, ANN)).body?.getReader();
  await first?.read();
  await first?.read();
  await expectLimited(await call('GET', sessionPath(id, 'events'), undefined, ANN), 'limits.streamsPerUser');
  expect((await call('GET', sessionPath(id, 'events'), undefined, BOB)).status).toBe(200);
  await first?.cancel();
  await expect.poll(async () => (await call('GET', sessionPath(id, 'events'), undefined, ANN)).status).toBe(200);
});

test('requests that wait for an answer are limited for each user', async () => {
  const { call, sender } = gatewayWith({ waitsPerUser: 1 });
  const id = randomUUID();
  const started = Promise.withResolvers<string | null>();
  sender.onWake = (_, { runId }) => started.resolve(runId);
  const waiting = call('POST', sessionPath(id, 'messages'), { content: 'hi' }, { ...ANN, prefer: 'wait=30' });
  const runId = await started.promise;
  const second = await call('POST', sessionPath(id, 'messages'), { content: 'hi' }, { ...ANN, prefer: 'wait=30' });
  await expectLimited(second, 'limits.waitsPerUser');
  await sender.answer({ user: 'ann', session: id }, runId, 'hello');
  expect((await waiting).status).toBe(200);
});

test('requests per second are limited for each user, but not for operators and health checks', async () => {
  const { call } = gatewayWith({ requestsPerSecondPerUser: 1 });
  const burst = async (headers: Record<string, string>, path = '/v1/agents'): Promise<Response[]> =>
    Promise.all(Array.from({ length: 20 }, () => call('GET', path, undefined, headers)));
  const refused = (await burst(ANN)).find(({ status }) => status === 429);
  if (refused === undefined) throw new Error('No request was refused.');
  await expectLimited(refused, 'limits.requestsPerSecondPerUser');
  expect((await call('GET', '/v1/agents', undefined, BOB)).status).toBe(200);
  for (const [headers, path] of [[OPS], [{}, '/healthz']] as const) {
    expect((await burst(headers, path)).map(({ status }) => status)).not.toContain(429);
  }
});

test('messages and commands in progress are limited for each user, and cancelling is not', async () => {
  const gateway = gatewayWith({ updatesPerUser: 1 });
  const { call, sender } = gateway;
  const id = randomUUID();
  const { runId } = (await (await call('POST', sessionPath(id, 'messages'), { content: 'hi' }, ANN)).json()) as {
    runId: string;
  };
  const entered = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  sender.update = async () => {
    entered.resolve();
    await finish.promise;
  };
  const patching = call('PATCH', sessionPath(id), { metadata: { a: 1 } }, ANN);
  await entered.promise;
  for (const [path, body] of [
    ['/v1/sessions', {}],
    [sessionPath(id, 'messages'), { content: 'more' }],
    ['/v1/runs', { content: 'more' }],
  ] as const)
    await expectLimited(await call('POST', path, body, ANN), 'limits.updatesPerUser');
  expect((await call('POST', '/v1/sessions', {}, BOB)).status).toBe(201);
  expect((await call('POST', sessionPath(id, 'runs', runId, 'cancel'), {}, ANN)).status).toBe(200);
  finish.resolve();
  expect((await patching).status).toBe(200);
});

test('requests without a valid credential are limited for each address, and valid ones still pass', async () => {
  const limits = { failedAuthenticationsPerMinute: 10 };
  const { url } = await servedGateway(database.db, { tokens: 'ann-token=ann', deployment: { limits } });
  const statuses = [];
  for (const token of ['wrong', 'ann-tokem', 'ann-token']) {
    statuses.push((await fetch(`${url}/v1/agents`, { headers: { authorization: `Bearer ${token}` } })).status);
  }
  expect(statuses).toEqual([401, 429, 200]);
});

test('an error of a request without an id names the id under which to repeat it', async () => {
  const { call, sender } = startGateway(database.db);
  const opened: string[] = [];
  const fail = async (key: { session: string }): Promise<never> => {
    opened.push(key.session);
    throw new PerdureError('temporal_unavailable', 'No worker responded.', { retryAfterMs: 2_000 });
  };
  sender.open = fail;
  const without = await call('POST', '/v1/sessions', {});
  expect([without.status, without.headers.get('retry-after')]).toEqual([503, '2']);
  expect(await without.json()).toMatchObject({ detail: expect.stringContaining(JSON.stringify(opened[0])) });
  const own = (await (await call('POST', '/v1/sessions', { id: 'mine' })).json()) as { detail: string };
  expect(own.detail).toBe('No worker responded.');
  const away = startGateway({
    ...database.db,
    transaction: async () => Promise.reject(new PerdureError('store_unavailable', 'The store is away.')),
  });
  const message = (await (await away.call('POST', sessionPath('mine', 'messages'), { content: 'hi' })).json()) as {
    detail: string;
  };
  expect(message.detail).toMatch(/The request had no id and got "[0-9a-f-]{36}": repeat it with that id/);
});
