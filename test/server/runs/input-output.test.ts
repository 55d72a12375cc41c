import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import type { InputResult, OutputResult } from '../../../agents/middleware/middleware.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { callContext } from '../../../gateway/answers/call-context.ts';
import { ModelError, type ModelRequest } from '../../../models/model-client.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { PARIS, SCHEMA, VALID } from '../../support/models/city-answer.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';

/** The messages that the hook `input` was called with, in each session. */
const seen: { readonly user: string; readonly content: string }[] = [];
const decisions: Readonly<Record<string, InputResult>> = {
  bad: { refuse: 'It is not allowed.' },
  known: { answer: 'The known answer.' },
};
const deciding = defineMiddleware({
  name: 'before',
  input: ({ session, messages }) => {
    for (const { content } of messages) seen.push({ user: session.user, content });
    const [found] = messages.flatMap(({ content }) => decisions[content] ?? []);
    const change = messages.map(({ id, content }) => [id, content.replace('secret', '[hidden]')]);
    return found ?? { change: Object.fromEntries(change) };
  },
});
const upper = defineMiddleware({
  name: 'upper',
  input: ({ messages }) => ({ change: Object.fromEntries(messages.map(({ id, content }) => [id, `${content}!`])) }),
});
const outputs: { readonly text: string; readonly object: unknown; readonly messages: readonly string[] }[] = [];
const checking = defineMiddleware({
  name: 'after',
  output: ({ text, object, messages }): OutputResult | undefined => {
    outputs.push({ text, object, messages: messages.map(({ content }) => content) });
    if (text.includes('forbidden')) return { refuse: 'The answer is not allowed.' };
    return text.includes('change me') ? { text: 'changed' } : undefined;
  },
});
const AGENTS: readonly AgentSpec[] = [
  { name: 'assistant', middleware: ['before', 'upper'], policy: { retry: { initialIntervalMs: 1, maxAttempts: 3 } } },
  { name: 'checked', middleware: ['after'] },
  { name: 'cities', middleware: ['after'], output: { schema: SCHEMA } },
];

const requests: ModelRequest[] = [];
/** Awaited before the reply to a message. */
const held = new Map<string, Promise<void>>();
let failures = 0;
const model: FunctionModel = async (request, { onDelta }) => {
  requests.push(request);
  const asked = lastUserMessage(request);
  if (asked.startsWith('failing') && (failures += 1) < 3) {
    throw new ModelError('server_error', 'Down.', { retryable: true, httpStatus: 500 });
  }
  await held.get(asked);
  if (asked.startsWith('city')) return VALID;
  onDelta({ kind: 'text', text: `reply to ${asked}` });
  return `reply to ${asked}`;
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model,
    agents: AGENTS,
    middleware: [deciding, upper, checking],
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

const contentsOf = (request: ModelRequest | undefined) => request?.messages.map(({ content }) => content);
const seenBy = ({ user }: SessionKey) => seen.filter((one) => one.user === user).map(({ content }) => content);
/** A history as text, with its payloads decoded. */
const textOf = (history: object) =>
  JSON.stringify(history).replaceAll(/"data":"([^"]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString());
let turns = 0;
/** Sends a message and returns the events, the last one apart. */
async function turn(key: SessionKey, content: string, agent = 'assistant', ended = 1) {
  const id = `m${(turns += 1)}`;
  const { runId } = await stack.sender.submit(key, { id, content, agent });
  const events = await stack.ended(key, ended);
  return { id, runId: runId ?? '', events, last: events.at(-1) };
}

test('what input hooks change is what this and every later call is given; the message is kept as it was sent', async () => {
  const key = stack.key();
  const first = await turn(key, 'my secret');
  expect(contentsOf(requests.at(-1))).toEqual(['my [hidden]!']);
  expect(first.events.filter(({ type }) => type === 'message.received' || type === 'input.decided')).toMatchObject([
    { type: 'message.received', content: 'my secret' },
    {
      type: 'input.decided',
      messages: [{ messageId: first.id, content: 'my [hidden]!' }],
      decision: { kind: 'pass' },
      changedBy: ['before', 'upper'],
    },
  ]);
  await turn(key, 'and now', 'assistant', 2);
  expect(contentsOf(requests.at(-1))).toEqual(['my [hidden]!', 'reply to my [hidden]!', 'and now!']);
  expect(seenBy(key)).toEqual(['my secret', 'and now']);
});

test('the context of a call shows the changed message, also after an import', async () => {
  const key = stack.key();
  const { runId, id } = await turn(key, 'my secret');
  const expected = [
    {
      origin: { kind: 'message', runId, messageId: id, changedBy: ['before', 'upper'] },
      message: { content: 'my [hidden]!' },
    },
  ];
  const deployment = {};
  expect((await callContext({ db: stack.db, deployment }, key, runId, {})).messages).toMatchObject(expected);
  const other = await openMemoryStore();
  await importDocument(other, key, await exportOf(stack.db, key));
  expect((await callContext({ db: other, deployment }, key, runId, {})).messages).toMatchObject(expected);
  await other.close();
});

test('input hooks decide once on a message, however often its model call is tried', async () => {
  const key = stack.key();
  const { events } = await turn(key, 'failing');
  expect(failures).toBe(3);
  expect(seenBy(key)).toEqual(['failing']);
  expect(events.filter(({ type }) => type === 'input.decided')).toHaveLength(1);
});

test('a refused run fails with the reason, makes no model call, and its message is in no later context', async () => {
  const key = stack.key();
  const before = requests.length;
  const { last, runId } = await turn(key, 'bad');
  const refused = { type: 'run.failed', error: { code: 'refused', detail: 'It is not allowed.' } };
  expect(last).toMatchObject(refused);
  expect(requests).toHaveLength(before);
  expect(await readRun(stack.db, key, runId)).toMatchObject({
    status: 'failed',
    modelCalls: [{ outcome: 'failed', errorCode: 'refused', usage: { inputTokens: 0 }, costUsd: 0 }],
  });
  await turn(key, 'good', 'assistant', 2);
  expect(contentsOf(requests.at(-1))).toEqual(['good!']);

  await stack.sender.resume(key, { runId });
  expect((await stack.ended(key, 3)).at(-1)).toMatchObject(refused);
  expect(seenBy(key)).toEqual(['bad', 'good']);
  const history = await stack.client.workflow.getHandle(workflowIdOf(key)).fetchHistory();
  const recorded = textOf(history);
  expect(recorded).toContain('advanceRun');
  expect(recorded).toContain(runId);
  expect(recorded).not.toContain('not allowed');
});

test('an input hook answers a run without a model call, and later runs see the answer', async () => {
  const key = stack.key();
  const before = requests.length;
  const { last, events } = await turn(key, 'known');
  expect(last).toMatchObject({ type: 'run.completed', output: 'The known answer.' });
  expect(events.find(({ type }) => type === 'message.completed')).toMatchObject({ changedBy: ['before'] });
  expect(requests).toHaveLength(before);
  await turn(key, 'next', 'assistant', 2);
  expect(contentsOf(requests.at(-1))).toEqual(['known', 'The known answer.', 'next!']);
});

test('a message that steers the run is decided before the call that sees it', async () => {
  const key = stack.key();
  const { promise, resolve } = Promise.withResolvers<void>();
  held.set('begin!', promise);
  await stack.sender.submit(key, { content: 'begin' });
  await stack.until(key, (events) => events.some(({ type }) => type === 'input.decided'));
  await stack.sender.submit(key, { content: 'my secret', whileRunning: 'steer' });
  resolve();
  await stack.ended(key);
  expect(contentsOf(requests.at(-1))).toEqual(['begin!', 'reply to begin!', 'my [hidden]!']);
  expect(seenBy(key)).toEqual(['begin', 'my secret']);
});

test('an output hook changes the answer before it is stored, and nothing of the first text is streamed or stored', async () => {
  const key = stack.key();
  const live: unknown[] = [];
  const subscription = await stack.live.subscribe(key, (message) => message.kind === 'live' && live.push(message));
  const { events, last } = await turn(key, 'change me', 'checked');
  subscription.close();
  expect(last).toMatchObject({ type: 'run.completed', output: 'changed' });
  expect(events.find(({ type }) => type === 'message.completed')).toMatchObject({
    text: 'changed',
    changedBy: ['after'],
  });
  expect(live).toEqual([]);
  expect(JSON.stringify(events)).not.toContain('reply to');
  expect(outputs.at(-1)).toEqual({ text: 'reply to change me', object: null, messages: ['change me'] });
});

test('an output hook refuses an answer, which is stored nowhere; its tokens are counted', async () => {
  const key = stack.key();
  const { events, last, runId } = await turn(key, 'forbidden', 'checked');
  expect(last).toMatchObject({
    type: 'run.failed',
    error: { code: 'refused', detail: 'The answer is not allowed.' },
  });
  expect(events.some(({ type }) => type === 'message.completed')).toBe(false);
  expect((await readRun(stack.db, key, runId))?.modelCalls).toMatchObject([
    { errorCode: 'refused', usage: { inputTokens: 10, outputTokens: 5 } },
  ]);
});

test('an output hook gets the structured answer', async () => {
  const { last } = await turn(stack.key(), 'city', 'cities');
  expect(outputs.at(-1)).toMatchObject({ text: VALID, object: PARIS });
  expect(last).toMatchObject({ object: PARIS });
});
