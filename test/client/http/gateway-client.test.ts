import { expect, test } from 'vitest';
import { ERRORS } from '../../../contracts/errors.ts';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import { problem, startFakeGateway } from '../../support/gateway/fake-gateway.ts';

test('a problem becomes a PerdureError with code, detail and the time to wait', async () => {
  const gateway = await startFakeGateway({
    handle: () => problem(429, 'queue_full', '1,000 runs wait; try later.', { 'retry-after': '7' }),
  });
  const sending = createGatewayClient({ url: gateway.url }).send('s', { content: 'Hi' });
  await expect(sending).rejects.toMatchObject({
    name: 'PerdureError',
    code: 'queue_full',
    message: '1,000 runs wait; try later.',
    retryAfterMs: 7_000,
  });
  await gateway.close();
});

test.each([
  [503, 'overloaded'],
  [429, 'rate_limited'],
] as const)('a refusal under overload, %i %s, may be retried after the time that it names', async (status, code) => {
  const gateway = await startFakeGateway({
    handle: () => problem(status, code, 'It was not accepted.', { 'retry-after': '12' }),
  });
  const sending = createGatewayClient({ url: gateway.url }).send('s', { id: 'm1', content: 'Hi' });
  await expect(sending).rejects.toMatchObject({ code, retryAfterMs: 12_000 });
  expect(ERRORS[code]).toMatchObject({ retryable: true, httpStatus: status });
  // Sending again is the caller's decision.
  expect(gateway.requests).toHaveLength(1);
  await gateway.close();
});

test('a response of something other than a gateway is an error', async () => {
  const gateway = await startFakeGateway({ handle: () => ({ status: 502, body: 'Bad gateway' }) });
  await expect(createGatewayClient({ url: gateway.url }).snapshot('s')).rejects.toMatchObject({ code: 'internal' });
  await gateway.close();
});

test('ids and users of any alphabet are percent-encoded', async () => {
  const gateway = await startFakeGateway({ handle: () => ({ body: {} }) });
  const client = createGatewayClient({ url: `${gateway.url}/`, user: 'Zoë/漢:%', token: 'secret' });
  await client.snapshot('a/b:c %d?é');
  const [request] = gateway.requests;
  expect(decodeURIComponent(request?.path.split('/').at(-1) ?? '')).toBe('a/b:c %d?é');
  expect(request?.path.split('/')).toHaveLength(4);
  expect(decodeURIComponent(String(request?.headers['perdure-user']))).toBe('Zoë/漢:%');
  expect(request?.headers.authorization).toBe('Bearer secret');
  await expect(client.snapshot('..')).rejects.toMatchObject({ code: 'invalid_request' });
  await gateway.close();
});

test('a filter becomes a query', async () => {
  const gateway = await startFakeGateway({ handle: () => ({ body: { data: [], nextCursor: null } }) });
  const client = createGatewayClient({ url: gateway.url });
  await client.sessions({ status: 'active', limit: 5, metadata: { team: 'a&b' } });
  const query = Object.fromEntries(gateway.requests[0]?.query ?? []);
  expect(query).toEqual({ status: 'active', limit: '5', 'metadata.team': 'a&b' });
  await gateway.close();
});

test('waiting sets Prefer, and a bare receipt means that the wait timed out', async () => {
  const receipt = { messageId: 'm', runId: 'r', disposition: 'started', position: 0 };
  const gateway = await startFakeGateway({ handle: () => ({ status: 202, body: receipt }) });
  const answered = await createGatewayClient({ url: gateway.url }).sendAndWait('s', { content: 'Hi' }, 9);
  expect(answered).toEqual({ receipt });
  expect(gateway.requests[0]?.headers['prefer']).toBe('wait=9');
  await gateway.close();
});
