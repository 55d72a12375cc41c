import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ErrorCode } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { SECRET, startAskedGateway, type AskedGateway } from '../../support/gateway/asked-gateway.ts';

let asked: AskedGateway;
beforeAll(async () => {
  asked = await startAskedGateway();
});
afterAll(() => asked[Symbol.asyncDispose]());

const longId = 'x'.repeat(LIMITS.messageIdCharacters.value + 1);

test.each<[string, unknown, ErrorCode, string]>([
  ['no JSON', `{"content": "${SECRET}`, 'invalid_request', 'not valid JSON'],
  ['JSON that is no object', `["${SECRET}"]`, 'invalid_request', 'The body'],
  ['null', 'null', 'invalid_request', 'expected object, got null'],
  ['nothing', '', 'invalid_request', '"content"'],
  ['an empty object', {}, 'invalid_request', '"content"'],
  ['empty content', { content: '' }, 'invalid_request', 'must not be empty'],
  ['blank content', { content: ' \n\t\u00a0 ' }, 'invalid_request', 'must not be empty'],
  ['a number for content', { content: 7 }, 'invalid_request', 'expected string'],
  ['an object for content', { content: { text: SECRET } }, 'invalid_request', 'expected string'],
  ['a text for a part of content', { content: [SECRET] }, 'invalid_request', 'expected object'],
  ['NUL in content', { content: `${SECRET}\0` }, 'invalid_request', 'NUL'],
  ['half a surrogate pair', `{"content": "${SECRET}\\ud800"}`, 'invalid_request', 'well-formed'],
  ['a field that there is not', { content: SECRET, priority: 1 }, 'invalid_request', '"priority"'],
  ['a number for an id', { content: SECRET, id: 5 }, 'invalid_request', '"id"'],
  ['an empty id', { content: SECRET, id: '' }, 'invalid_request', '"id"'],
  ['an id with a control character', { content: SECRET, id: 'a\u0007' }, 'invalid_request', 'control characters'],
  ['an id that is too long', { content: SECRET, id: longId }, 'invalid_request', '200'],
  ['an unknown choice', { content: SECRET, whileRunning: 'panic' }, 'invalid_request', '"panic"'],
  ['an agent name that is none', { content: SECRET, agent: '../etc' }, 'invalid_request', '"../etc"'],
  ['an agent that there is not', { content: SECRET, agent: 'nobody' }, 'invalid_request', '"nobody"'],
  [
    'content over its limit',
    { content: SECRET.padEnd(LIMITS.messageBytes.value + 1, 'ü') },
    'too_large',
    String(LIMITS.messageBytes.value),
  ],
  ['10 MB', { content: SECRET.padEnd(10 * 1024 * 1024, 'x') }, 'too_large', String(LIMITS.requestBytes.value)],
])('a message of %s is refused, and the session goes on', async (_what, body, code, names) => {
  const caller = asked.someone();
  const problem = await caller.refused('POST', '/v1/sessions/s/messages', body);
  expect(problem).toMatchObject({ code, detail: expect.stringContaining(names) });
  await asked.expectGoesOn(caller);
});

test('a refused message is no event stream, and one that is waited for is refused at once', async () => {
  const { refused } = asked.someone();
  const body = { content: SECRET, agent: 'nobody' };
  for (const headers of [{ accept: 'text/event-stream' }, { prefer: 'wait=60' }]) {
    expect(await refused('POST', '/v1/sessions/s/messages', body, headers)).toMatchObject({ code: 'invalid_request' });
  }
});

test('an agent that there is not is named, with what lists those that there are, and nothing is created', async () => {
  const { refused, request, user } = asked.someone();
  for (const [path, body] of [
    ['/v1/sessions', { id: 's', agent: 'nobody' }],
    ['/v1/sessions/s/messages', { content: SECRET, agent: 'nobody' }],
    ['/v1/runs', { content: SECRET, agent: 'nobody' }],
  ] as const) {
    const { detail, code } = await refused('POST', path, body);
    expect({ path, code }).toEqual({ path, code: 'invalid_request' });
    expect(detail).toMatch(/"nobody".*perdure agents/s);
  }
  expect((await request('GET', '/v1/sessions/s')).status).toBe(404);
  expect(await asked.stack.events({ user, session: 's' })).toEqual([]);
  expect(await refused('GET', '/v1/agents/nobody')).toMatchObject({ code: 'not_found' });
});

test('an agent other than the session’s is refused, and named', async () => {
  const { refused, request } = asked.someone();
  expect((await request('POST', '/v1/sessions', { id: 's', agent: 'tutor' })).status).toBe(201);
  const problem = await refused('POST', '/v1/sessions/s/messages', { content: SECRET, agent: 'assistant' });
  expect(problem).toMatchObject({ code: 'invalid_request' });
  expect(problem.detail).toMatch(/assistant.*tutor|tutor.*assistant/s);
});

test('a session that has ended takes no message, and says how to go on', async () => {
  const { refused, request, user } = asked.someone();
  await request('POST', '/v1/sessions/s/messages', { content: 'first' }, { prefer: 'wait=30' });
  expect((await request('POST', '/v1/sessions/s/end', {})).status).toBe(200);
  const before = await asked.stack.events({ user, session: 's' });
  const problem = await refused('POST', '/v1/sessions/s/messages', { id: 'late', content: SECRET });
  expect(problem).toMatchObject({ code: 'session_ended' });
  expect(problem.detail).toMatch(/another session|new session|other session/i);
  for (const headers of [{ accept: 'text/event-stream' }, { prefer: 'wait=60' }]) {
    expect(await refused('POST', '/v1/sessions/s/messages', { content: SECRET }, headers)).toMatchObject({
      code: 'session_ended',
    });
  }
  expect(await asked.stack.events({ user, session: 's' })).toEqual(before);
  expect((await request('GET', '/v1/sessions/s/messages/late')).status).toBe(404);
});

test('an id that was used for another body is a conflict that names it', async () => {
  const { refused, request } = asked.someone();
  const first = await request('POST', '/v1/sessions/s/messages', { id: 'one', content: 'a' }, { prefer: 'wait=30' });
  expect(first.status).toBe(200);
  const problem = await refused('POST', '/v1/sessions/s/messages', { id: 'one', content: SECRET });
  expect(problem).toMatchObject({ code: 'idempotency_conflict', detail: expect.stringContaining('"one"') });
  const headers = { 'idempotency-key': 'two' };
  expect(await refused('POST', '/v1/sessions/s/messages', { id: 'one', content: SECRET }, headers)).toMatchObject({
    code: 'invalid_request',
    detail: expect.stringContaining('"two"'),
  });
});
