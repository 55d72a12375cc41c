import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/contracts/errors.ts';
import { LIMITS } from '../../src/contracts/limits.ts';
import { problemSchema, type Problem } from '../../src/contracts/problem.ts';
import { workflowIdOf } from '../../src/contracts/session-key.ts';
import { createGateway, type Gateway } from '../../src/gateway/create-gateway.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { heldModel } from '../support/held-model.ts';
import { failedTasks, historyOf } from '../support/raw-temporal.ts';
import { registry, startStack, type Stack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal-server.ts';

/** In everything that is content here, and in no answer. */
const SECRET = 'hunter2';
const AGENTS = [{ name: 'assistant' }, { name: 'tutor' }];
const held = heldModel();

let stack: Stack;
let gateway: Gateway;
const mishaps: string[] = [];

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: held.model, agents: AGENTS });
  const { db, live, sender } = stack;
  const telemetry = createTelemetry({ log: createLog({ level: 'error', write: (line) => mishaps.push(line) }) });
  gateway = createGateway({ db, live, sender, agents: registry(AGENTS, []), telemetry });
});
afterAll(async () => {
  gateway.close();
  await stack[Symbol.asyncDispose]();
});

/** A user of its own, so that no two tests meet. */
function someone() {
  const user = `user-${randomUUID().slice(0, 8)}`;
  const request = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    gateway.app.request(path, {
      method,
      headers: {
        'perdure-user': user,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    user,
    request,
    /** A request that is refused in the documented form. */
    refused: async (...args: Parameters<typeof request>): Promise<Problem> =>
      problemOf(await request(...args), args.slice(0, 2).join(' ')),
  };
}

async function problemOf(response: Response, what: string): Promise<Problem> {
  const text = await response.text();
  const type = response.headers.get('content-type');
  expect({ what, type }).toEqual({ what, type: 'application/problem+json' });
  // Nothing that a caller does wrong is a failure of ours.
  expect(mishaps).toEqual([]);
  const problem = problemSchema.parse(JSON.parse(text));
  expect(ERRORS).toHaveProperty(problem.code);
  expect(problem.status).toBe(response.status);
  expect(problem.status).toBe(ERRORS[problem.code as ErrorCode].httpStatus);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(text).not.toContain(SECRET);
  // No stack, no path of ours, nothing of the libraries' innards.
  expect(text).not.toMatch(/\bat [^ ]+ \(|\.ts\b|node_modules|Zod|WorkflowUpdateFailed|ApplicationFailure/);
  // A sentence or more, of bounded length.
  expect(problem.detail).toMatch(/^[A-Z"].*\.$/s);
  expect(problem.detail.length).toBeLessThan(1_000);
  return problem;
}

/** The session answers, its numbers have no gap, it says nothing of what was refused, and none of its workflow's tasks failed. */
async function expectGoesOn({ user, request }: ReturnType<typeof someone>, session = 's'): Promise<void> {
  const response = await request(
    'POST',
    `/v1/sessions/${session}/messages`,
    { content: 'fine' },
    { prefer: 'wait=30' },
  );
  expect(await response.json()).toMatchObject({ answer: 'echo fine' });
  const key = { user, session };
  const events = await stack.events(key);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter(({ type }) => type === 'message.received')).toHaveLength(1);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
}

const longId = 'x'.repeat(LIMITS.messageIdCharacters.value + 1);

test.each<[string, unknown, ErrorCode, string]>([
  ['no JSON', `{"content": "${SECRET}`, 'invalid_request', 'not valid JSON'],
  ['JSON that is no object', `["${SECRET}"]`, 'invalid_request', 'The body'],
  ['null', 'null', 'invalid_request', '"content"'],
  ['nothing', '', 'invalid_request', '"content"'],
  ['an empty object', {}, 'invalid_request', '"content"'],
  ['empty content', { content: '' }, 'invalid_request', 'must not be empty'],
  ['blank content', { content: ' \n\t\u00a0 ' }, 'invalid_request', 'must not be empty'],
  ['a number for content', { content: 7 }, 'invalid_request', 'expected string'],
  ['an object for content', { content: { text: SECRET } }, 'invalid_request', 'expected string'],
  ['a list for content', { content: [SECRET] }, 'invalid_request', 'expected string'],
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
  const caller = someone();
  const problem = await caller.refused('POST', '/v1/sessions/s/messages', body);
  expect(problem).toMatchObject({ code, detail: expect.stringContaining(names) });
  await expectGoesOn(caller);
});

test('a refused message is no event stream, and one that is waited for is refused at once', async () => {
  const { refused } = someone();
  const body = { content: SECRET, agent: 'nobody' };
  for (const headers of [{ accept: 'text/event-stream' }, { prefer: 'wait=60' }]) {
    expect(await refused('POST', '/v1/sessions/s/messages', body, headers)).toMatchObject({ code: 'invalid_request' });
  }
});

test('an agent that there is not is named, with what lists those that there are, and nothing is created', async () => {
  const { refused, request, user } = someone();
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
  expect(await stack.events({ user, session: 's' })).toEqual([]);
  expect(await refused('GET', '/v1/agents/nobody')).toMatchObject({ code: 'not_found' });
});

test('an agent other than the session’s is refused, and named', async () => {
  const { refused, request } = someone();
  expect((await request('POST', '/v1/sessions', { id: 's', agent: 'tutor' })).status).toBe(201);
  const problem = await refused('POST', '/v1/sessions/s/messages', { content: SECRET, agent: 'assistant' });
  expect(problem).toMatchObject({ code: 'invalid_request' });
  expect(problem.detail).toMatch(/assistant.*tutor|tutor.*assistant/s);
});

test.each([
  ['a control character', 'a%07b', 'control character'],
  ['NUL', 'a%00b', 'control character'],
  ['no UTF-8', 'a%ffb', 'percent-encoded'],
  ['half an escape', 'a%f', 'percent-encoded'],
  ['too many bytes', 'x'.repeat(LIMITS.sessionIdBytes.value + 1), String(LIMITS.sessionIdBytes.value)],
])('a session id of %s is refused by every call', async (_what, id, names) => {
  const { refused } = someone();
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
  const { refused } = someone();
  for (const id of ['', '..', 'a\u0000b', 'a\nb', 'x'.repeat(LIMITS.sessionIdBytes.value + 1), 7]) {
    expect(await refused('POST', '/v1/sessions', { id })).toMatchObject({ code: 'invalid_request' });
  }
});

test('a user that is too long is refused', async () => {
  const headers = { 'perdure-user': 'x'.repeat(LIMITS.userBytes.value + 1) };
  const problem = await someone().refused('POST', '/v1/sessions/s/messages', { content: SECRET }, headers);
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
  const { refused, request, user } = someone();
  await request('POST', '/v1/sessions', { id: 's', metadata: { kept: 1 } });
  const before = await stack.events({ user, session: 's' });
  expect(await refused('PATCH', '/v1/sessions/s', body)).toMatchObject({ code });
  expect(await stack.events({ user, session: 's' })).toEqual(before);
});

test('what PostgreSQL cannot keep does not harm the session', async () => {
  const caller = someone();
  await caller.request('POST', '/v1/sessions', { id: 's' });
  const response = await caller.request(
    'PATCH',
    '/v1/sessions/s',
    '{"metadata": {"__proto__": 1, "a\\u0000": "b\\u0000"}}',
  );
  expect([200, 400]).toContain(response.status);
  await expectGoesOn(caller);
});

test('a session that has ended takes no message, and says how to go on', async () => {
  const { refused, request, user } = someone();
  await request('POST', '/v1/sessions/s/messages', { content: 'first' }, { prefer: 'wait=30' });
  expect((await request('POST', '/v1/sessions/s/end', {})).status).toBe(200);
  const before = await stack.events({ user, session: 's' });
  const problem = await refused('POST', '/v1/sessions/s/messages', { id: 'late', content: SECRET });
  expect(problem).toMatchObject({ code: 'session_ended' });
  expect(problem.detail).toMatch(/another session|new session|other session/i);
  for (const headers of [{ accept: 'text/event-stream' }, { prefer: 'wait=60' }]) {
    expect(await refused('POST', '/v1/sessions/s/messages', { content: SECRET }, headers)).toMatchObject({
      code: 'session_ended',
    });
  }
  expect(await stack.events({ user, session: 's' })).toEqual(before);
  expect((await request('GET', '/v1/sessions/s/messages/late')).status).toBe(404);
});

test('an id that was used for another body is a conflict that names it', async () => {
  const { refused, request } = someone();
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

test('what is not there, or is another user’s, is not found, and named', async () => {
  const owner = someone();
  const started = await owner.request(
    'POST',
    '/v1/sessions/s/messages',
    { id: 'm', content: SECRET },
    { prefer: 'wait=30' },
  );
  const { receipt } = (await started.json()) as { receipt: { runId: string } };
  const stranger = someone();
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
  expect((await stack.events({ user: owner.user, session: 's' })).at(-1)).toMatchObject({ type: 'run.completed' });
});

test.each(['?after=-1', '?after=x', '?after=1.5', '?limit=0', '?limit=100000', '?after=99'])(
  'events%s are refused',
  async (query) => {
    const { refused, request } = someone();
    await request('POST', '/v1/sessions', { id: 's' });
    const headers = { accept: query === '?after=99' ? 'text/event-stream' : 'application/json' };
    expect(await refused('GET', `/v1/sessions/s/events${query}`, undefined, headers)).toMatchObject({
      code: 'invalid_request',
    });
  },
);
