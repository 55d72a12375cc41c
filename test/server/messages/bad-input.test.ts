import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf, runWorkflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { heldModel } from '../../support/models/held-model.ts';
import {
  failedTasks,
  historyOf,
  rawPayload,
  rawSignal,
  rawSignalWithStart,
  rawUpdate,
  UNDECODABLE,
} from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const held = heldModel();

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: held.model });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** A session that has answered once. */
async function goodSession(): Promise<{ key: SessionKey; id: string }> {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'first' });
  await stack.ended(key);
  return { key, id: workflowIdOf(key) };
}

const refusals = (events: readonly PerdureEvent[]) => events.filter((event) => event.type === 'message.refused');

/** The session answers a good message, its numbers have no gap, and none of its workflow's tasks has failed. */
async function expectGoesOn(key: SessionKey): Promise<void> {
  await stack.sender.submit(key, { id: 'good', content: 'still there?' });
  const events = await stack.until(key, (found) =>
    found.some((event) => event.type === 'run.completed' && event.output === 'echo still there?'),
  );
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
}

test.each(Object.entries(UNDECODABLE))('a signal of %s is recorded and dropped', async (_what, payload) => {
  const { key, id } = await goodSession();
  for (const name of ['submitMessage', 'updateSession', 'cancelRun', 'endSession']) {
    await rawSignal(stack.client, id, name, [payload]);
  }
  const events = await stack.until(key, (found) => refusals(found).length === 4);
  expect(refusals(events).map(({ code }) => code)).toEqual(Array(4).fill('invalid_request'));
  expect(events.map(({ type }) => type)).not.toContain('session.ended');
  await expectGoesOn(key);
});

test.each(Object.entries(UNDECODABLE))('an update of %s is answered with an error', async (_what, payload) => {
  const { key, id } = await goodSession();
  for (const name of ['submitMessage', 'openSession', 'updateSession', 'cancelRun', 'resumeRun', 'endSession']) {
    expect(await rawUpdate(stack.client, id, name, [payload])).toMatchObject({ ok: false, type: 'invalid_request' });
  }
  await expectGoesOn(key);
});

const WRONG: readonly (readonly [string, unknown])[] = [
  ['no object', 'hello'],
  ['a number', 7],
  ['null', null],
  ['a list', [{ content: 'a' }]],
  ['no content', {}],
  ['empty content', { content: '' }],
  ['blank content', { content: ' \n\t ' }],
  ['content of a wrong type', { content: { text: 'a' } }],
  ['content with NUL', { content: 'a\u0000b' }],
  ['half a surrogate pair', { content: 'a\ud800b' }],
  ['an unknown field', { content: 'a', more: 1 }],
  ['an empty id', { id: '', content: 'a' }],
  ['an id of a wrong type', { id: 5, content: 'a' }],
  ['an id with control characters', { id: 'a\u0007b', content: 'a' }],
  ['an id that is too long', { id: 'a'.repeat(201), content: 'a' }],
  ['an unknown whileRunning', { content: 'a', whileRunning: 'panic' }],
  ['an agent name that is none', { content: 'a', agent: '../etc' }],
  ['an unknown agent', { content: 'a', agent: 'nobody' }],
  ['__proto__', JSON.parse('{"__proto__": {"content": "a"}}')],
];

test('wrong messages are refused by update, and recorded when they come by signal', async () => {
  const { key, id } = await goodSession();
  for (const [what, input] of WRONG) {
    const answer = await rawUpdate(stack.client, id, 'submitMessage', [rawPayload(JSON.stringify(input))]);
    expect({ what, ...answer }).toMatchObject({ what, ok: false, type: 'invalid_request' });
    await rawSignal(stack.client, id, 'submitMessage', [rawPayload(JSON.stringify(input))]);
  }
  expect(await rawUpdate(stack.client, id, 'submitMessage', [])).toMatchObject({ ok: false, type: 'invalid_request' });
  await rawSignal(stack.client, id, 'submitMessage', []);
  const events = await stack.until(key, (found) => refusals(found).length === WRONG.length + 1);
  expect(new Set(refusals(events).map(({ code }) => code))).toEqual(new Set(['invalid_request']));
  expect(events.filter(({ type }) => type === 'message.received')).toHaveLength(1);
  await expectGoesOn(key);
});

test('a refusal says nothing of the content', async () => {
  const { key, id } = await goodSession();
  await rawSignal(stack.client, id, 'submitMessage', [rawPayload('{"content": {"secret": "hunter2"}, "hunter2": 1}')]);
  await rawSignal(stack.client, id, 'submitMessage', [rawPayload('hunter2 is no JSON')]);
  const events = await stack.until(key, (found) => refusals(found).length === 2);
  // The name of an unknown field is no content; its value is.
  expect(
    refusals(events)
      .map(({ detail }) => detail)
      .join(' '),
  ).not.toMatch(/hunter2(?!")/);
});

test('a refused signal is recorded with its message id, where one can be read', async () => {
  const { key, id } = await goodSession();
  await rawSignal(stack.client, id, 'submitMessage', [rawPayload('{"id": "m-7", "content": ""}')]);
  const events = await stack.until(key, (found) => refusals(found).length === 1);
  expect(refusals(events)[0]).toMatchObject({ messageId: 'm-7' });
});

test('wrong commands are refused by update and change nothing', async () => {
  const { key, id } = await goodSession();
  const wrong: readonly (readonly [string, unknown])[] = [
    ['openSession', { agent: 7 }],
    ['openSession', { agent: 'nobody' }],
    ['openSession', { metadata: [] }],
    ['openSession', { policy: { maxSteps: 1e9 } }],
    ['updateSession', { metadata: 'x' }],
    ['updateSession', { policy: { whileRunning: 'panic' } }],
    ['updateSession', { unknown: 1 }],
    ['cancelRun', { runId: 7 }],
    ['cancelRun', ['a']],
    ['cancelRun', 'now'],
    ['cancelRun', { when: 'now' }],
    ['resumeRun', {}],
    ['endSession', { status: 'active' }],
    ['endSession', { status: 'completed', more: 1 }],
    ['endSession', 'now'],
  ];
  for (const [name, input] of wrong) {
    const answer = await rawUpdate(stack.client, id, name, [rawPayload(JSON.stringify(input))]);
    expect({ name, input, ...answer }).toMatchObject({ name, input, ok: false, type: 'invalid_request' });
  }
  const unknownRun = await rawUpdate(stack.client, id, 'resumeRun', [rawPayload('{"runId":"none"}')]);
  expect(unknownRun).toMatchObject({ ok: false, type: 'not_found' });
  await expectGoesOn(key);
});

test('a wrong cancel or end does not stop the run that is going', async () => {
  const { key, id } = await goodSession();
  await stack.sender.submit(key, { content: 'hold wrong stop' });
  const call = await held.call('hold wrong stop');
  await rawSignal(stack.client, id, 'cancelRun', [UNDECODABLE['broken JSON']!]);
  await rawSignal(stack.client, id, 'endSession', [rawPayload('{"status":"gone"}')]);
  await stack.until(key, (found) => refusals(found).length === 2);
  expect(call.signal.aborted).toBe(false);
  call.answer('not stopped');
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'not stopped' });
});

test.each(['whatever', '__temporal_anything', '__stack_trace', 'x'.repeat(900), 'ütf-8 ☃', 'toString', 'constructor'])(
  'an unknown signal %j is recorded and dropped',
  async (name) => {
    const { key, id } = await goodSession();
    await rawSignal(stack.client, id, name, [rawPayload('{}')]);
    const events = await stack.until(key, (found) => refusals(found).length === 1);
    expect(refusals(events)[0]).toMatchObject({ code: 'invalid_request', messageId: null });
    await expectGoesOn(key);
  },
);

test.each(['whatever', '__temporal_anything', 'toString'])('an unknown update %j is refused', async (name) => {
  const { key, id } = await goodSession();
  expect(await rawUpdate(stack.client, id, name, [rawPayload('{}')])).toMatchObject({ ok: false });
  await expectGoesOn(key);
});

test('an unknown signal is the first thing a session hears, and nothing is created', async () => {
  const key = stack.key();
  const start = { workflowId: workflowIdOf(key), workflowType: 'agentSession', taskQueue: stack.taskQueue };
  for (const name of ['whatever', '__temporal_first', 'cancelRun', 'endSession', 'updateSession']) {
    await rawSignalWithStart(stack.client, start, name, [UNDECODABLE['no metadata']!]);
    await stack.client.workflow.getHandle(start.workflowId).result();
    expect(failedTasks(await historyOf(stack.client, start.workflowId))).toEqual([]);
  }
  expect(await readSession(stack.db, key)).toBeNull();
  await expectGoesOn(key);
});

test('content over its limit is refused as too large, by the client at once and by a raw signal in the session', async () => {
  const { key, id } = await goodSession();
  const tenMegabytes = 'x'.repeat(10 * 1024 * 1024);
  await expect(stack.sender.submit(key, { content: tenMegabytes })).rejects.toMatchObject({ code: 'too_large' });
  // Temporal itself takes no payload of that size. Without interceptors the SDK's client does not try it again.
  const connection = await Connection.connect({ address: await testTemporal(), interceptors: [] });
  const huge = rawPayload(JSON.stringify({ content: tenMegabytes }));
  const refused = rawSignal(new Client({ connection }), id, 'submitMessage', [huge]);
  await expect(refused).rejects.toThrow(/RESOURCE_EXHAUSTED|INVALID_ARGUMENT/);
  await connection.close();
  const large = rawPayload(JSON.stringify({ content: 'x'.repeat(LIMITS.messageBytes.value + 1) }));
  await rawSignal(stack.client, id, 'submitMessage', [large]);
  const events = await stack.until(key, (found) => refusals(found).length === 1);
  expect(refusals(events)[0]).toMatchObject({ code: 'too_large' });
  expect(await rawUpdate(stack.client, id, 'submitMessage', [large])).toMatchObject({ ok: false, type: 'too_large' });
  await expectGoesOn(key);
});

test('large metadata and state are refused as too large', async () => {
  const { key, id } = await goodSession();
  for (const [field, value] of [
    ['metadata', { a: 'x'.repeat(20_000) }],
    ['state', { app: { a: 'x'.repeat(140_000) } }],
  ] as const) {
    const update = rawPayload(JSON.stringify({ [field]: value }));
    expect(await rawUpdate(stack.client, id, 'updateSession', [update])).toMatchObject({
      ok: false,
      type: 'too_large',
    });
  }
  await expectGoesOn(key);
});

test('a message to an ended session is refused with session_ended', async () => {
  const { key } = await goodSession();
  await stack.sender.end(key, {});
  await expect(stack.sender.submit(key, { content: 'more' })).rejects.toMatchObject({ code: 'session_ended' });
  await stack.sender.signal(key, { id: 'late', content: 'more' });
  const events = await stack.until(key, (found) => refusals(found).length === 1);
  expect(refusals(events)[0]).toMatchObject({ code: 'session_ended', messageId: 'late' });
});

test.each([
  ['garbage', [rawPayload('{"facts": 7, "queue": "x"}')]],
  ['undecodable arguments', [UNDECODABLE['broken JSON']!, UNDECODABLE['no metadata']!]],
  [
    'a fake carried state',
    [
      rawPayload(
        JSON.stringify({
          facts: { status: 'completed', agent: 'evil' },
          queue: [{ runId: 'not-a-run', ordinal: 1, urgent: true }],
          runsEnded: 99,
          continuedAsNew: 99,
          steps: [],
        }),
      ),
    ],
  ],
])('a session that is started with %s is an ordinary one', async (_what, input) => {
  const key = stack.key();
  const start = { workflowId: workflowIdOf(key), workflowType: 'agentSession', taskQueue: stack.taskQueue, input };
  await rawSignalWithStart(stack.client, start, 'submitMessage', [rawPayload('{"content":"first"}')]);
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'echo first' });
  const snapshot = await stack.client.workflow.getHandle(start.workflowId).query('session');
  expect(snapshot).toMatchObject({ status: 'active', agent: 'assistant', continuedAsNew: 0, queue: [] });
  await expectGoesOn(key);
});

test('a session that is started without a message is opened with the default agent', async () => {
  const key = stack.key();
  await stack.client.workflow.start('agentSession', { workflowId: workflowIdOf(key), taskQueue: stack.taskQueue });
  const events = await stack.until(key, (found) => found.length > 0);
  expect(events).toMatchObject([{ type: 'session.opened', agent: 'assistant' }]);
  await expectGoesOn(key);
});

test.each([
  ['agentSession', 'no-colon'],
  ['agentSession', ':empty-user'],
  ['agentSession', 'user:'],
  ['agentSession', 'not encoded!(:x'],
  ['agentSession', 'a%2:x'],
  ['agentSession', runWorkflowIdOf({ user: 'u', session: 's' })],
  ['agentRun', 'u:s'],
])('%s under the workflow id %j fails with a reason, and its tasks do not', async (workflowType, workflowId) => {
  const handle = await stack.client.workflow.start(workflowType, { workflowId, taskQueue: stack.taskQueue });
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'invalid_request' } });
  expect(failedTasks(await historyOf(stack.client, workflowId))).toEqual([]);
});

test('a run whose session was deleted ends, and the next message starts afresh', async () => {
  const { key } = await goodSession();
  await stack.sender.submit(key, { content: 'hold deleted' });
  const call = await held.call('hold deleted');
  await deleteSession(stack.db, key);
  call.answer('for nobody');
  const id = workflowIdOf(key);
  await stack.client.workflow.getHandle(id).result();
  expect(failedTasks(await historyOf(stack.client, id))).toEqual([]);
  await stack.sender.submit(key, { content: 'afresh' });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'echo afresh' });
});
