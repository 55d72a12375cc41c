import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ErrorCode } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { SECRET, startAskedGateway, type AskedGateway } from '../../support/gateway/asked-gateway.ts';

let asked: AskedGateway;
beforeAll(async () => {
  asked = await startAskedGateway();
});
afterAll(() => asked[Symbol.asyncDispose]());

test.each([
  ['a control character', 'a%07b', 'control character'],
  ['NUL', 'a%00b', 'control character'],
  ['no UTF-8', 'a%ffb', 'percent-encoded'],
  ['half an escape', 'a%f', 'percent-encoded'],
  ['too many bytes', 'x'.repeat(LIMITS.sessionIdBytes.value + 1), String(LIMITS.sessionIdBytes.value)],
])('a session id of %s is refused by every call', async (_what, id, names) => {
  const { refused } = asked.someone();
  for (const [method, path, body] of [
    ['GET', `/v1/sessions/${id}`],
    ['PATCH', `/v1/sessions/${id}`, { metadata: { a: SECRET } }],
    ['POST', `/v1/sessions/${id}/end`, {}],
    ['POST', `/v1/sessions/${id}/messages`, { content: SECRET }],
    ['GET', `/v1/sessions/${id}/events`],
    ['GET', `/v1/sessions/${id}/transcript`],
    ['GET', `/v1/sessions/${id}/runs`],
    ['POST', `/v1/sessions/${id}/runs/r/cancel`, {}],
    ['DELETE', `/v1/sessions/${id}`],
  ] as const) {
    const problem = await refused(method, path, body);
    expect({ path, ...problem }).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining(names) });
  }
});

test('a session id in a body is held to the same rules', async () => {
  const { refused } = asked.someone();
  for (const id of ['', '..', 'a\u0000b', 'a\nb', 'x'.repeat(LIMITS.sessionIdBytes.value + 1), 7]) {
    expect(await refused('POST', '/v1/sessions', { id })).toMatchObject({ code: 'invalid_request' });
  }
});

test('a user that is too long is refused', async () => {
  const headers = { 'perdure-user': 'x'.repeat(LIMITS.userBytes.value + 1) };
  const problem = await asked.someone().refused('POST', '/v1/sessions/s/messages', { content: SECRET }, headers);
  expect(problem).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining('384') });
});

test.each<[string, unknown, ErrorCode]>([
  ['metadata that is no object', { metadata: [SECRET] }, 'invalid_request'],
  ['metadata over its limit', { metadata: { a: SECRET.padEnd(LIMITS.metadataBytes.value, 'x') } }, 'too_large'],
  [
    'a namespace over its limit',
    { state: { a: { b: SECRET.padEnd(LIMITS.stateNamespaceBytes.value, 'x') } } },
    'too_large',
  ],
  [
    'state over its limit',
    {
      state: Object.fromEntries(
        ['a', 'b', 'c'].map((name) => [name, { b: SECRET.padEnd(LIMITS.stateBytes.value * 0.4, 'x') }]),
      ),
    },
    'too_large',
  ],
  ['state without namespaces', { state: { a: SECRET } }, 'invalid_request'],
  ['state under a name that is none', { state: { 'a b': { c: SECRET } } }, 'invalid_request'],
  ['a policy that there is not', { policy: { maxStep: 5 } }, 'invalid_request'],
  ['a policy out of range', { policy: { maxSteps: 0 } }, 'invalid_request'],
  ['a status', { status: 'completed' }, 'invalid_request'],
])('a change of %s is refused, and changes nothing', async (_what, body, code) => {
  const { refused, request, user } = asked.someone();
  await request('POST', '/v1/sessions', { id: 's', metadata: { kept: 1 } });
  const before = await asked.stack.events({ user, session: 's' });
  expect(await refused('PATCH', '/v1/sessions/s', body)).toMatchObject({ code });
  expect(await asked.stack.events({ user, session: 's' })).toEqual(before);
});

test('what PostgreSQL cannot keep does not harm the session', async () => {
  const caller = asked.someone();
  await caller.request('POST', '/v1/sessions', { id: 's' });
  const response = await caller.request(
    'PATCH',
    '/v1/sessions/s',
    '{"metadata": {"__proto__": 1, "a\\u0000": "b\\u0000"}}',
  );
  expect([200, 400]).toContain(response.status);
  await asked.expectGoesOn(caller);
});

test('what is not there, or is another user’s, is not found, and named', async () => {
  const owner = asked.someone();
  const started = await owner.request(
    'POST',
    '/v1/sessions/s/messages',
    { id: 'm', content: SECRET },
    { prefer: 'wait=30' },
  );
  const { receipt } = (await started.json()) as { receipt: { runId: string } };
  const stranger = asked.someone();
  for (const [method, path, body] of [
    ['GET', '/v1/sessions/s'],
    ['PATCH', '/v1/sessions/s', { metadata: { a: 1 } }],
    ['POST', '/v1/sessions/s/end', {}],
    ['DELETE', '/v1/sessions/s'],
    ['GET', '/v1/sessions/s/events'],
    ['GET', '/v1/sessions/s/transcript'],
    ['GET', '/v1/sessions/s/runs'],
    ['GET', `/v1/sessions/s/runs/${receipt.runId}`],
    ['GET', '/v1/sessions/s/messages/m'],
    ['POST', `/v1/sessions/s/runs/${receipt.runId}/cancel`, {}],
    ['POST', `/v1/sessions/s/runs/${receipt.runId}/resume`, {}],
  ] as const) {
    const problem = await stranger.refused(method, path, body);
    expect({ path, ...problem }).toMatchObject({ path, code: 'not_found', detail: expect.stringMatching(/"s"|"m"/) });
  }
  for (const verb of ['cancel', 'resume']) {
    expect(await owner.refused('POST', `/v1/sessions/s/runs/no-such-run/${verb}`, {})).toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining('"no-such-run"'),
    });
  }
  expect((await asked.stack.events({ user: owner.user, session: 's' })).at(-1)).toMatchObject({
    type: 'run.completed',
  });
});

test.each(['?after=-1', '?after=x', '?after=1.5', '?limit=0', '?limit=100000', '?after=99'])(
  'events%s are refused',
  async (query) => {
    const { refused, request } = asked.someone();
    await request('POST', '/v1/sessions', { id: 's' });
    const headers = { accept: query === '?after=99' ? 'text/event-stream' : 'application/json' };
    expect(await refused('GET', `/v1/sessions/s/events${query}`, undefined, headers)).toMatchObject({
      code: 'invalid_request',
    });
  },
);
