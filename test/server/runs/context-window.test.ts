import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { versionOf } from '../../../agents/agent-version.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { Deployment } from '../../../contracts/deployment.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { transcript } from '../../../core/conversation/transcript.ts';
import { createGateway, type Gateway } from '../../../gateway/create-gateway.ts';
import type { ModelMessage, ModelRequest } from '../../../models/model-client.ts';
import { composeContext, requestOf } from '../../../models/model-context.ts';
import type { FunctionModel } from '../../../testing/function-models.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const WINDOW = 4_000;
const FACT = 'The badge number is 48213.';
const PINNED = 'Always answer in French, please.';

const lookUp = defineTool({
  name: 'look_up',
  description: 'Looks a word up.',
  parameters: z.object({ word: z.string() }),
  idempotent: true,
  execute: ({ word }) => `${word}: a word of the language, ${'with a long explanation of its uses, '.repeat(4)}`,
});

function isSummary({ instructions }: ModelRequest): boolean {
  return instructions.startsWith('You summarise');
}

/** The tokens of a request as its provider counts them. */
function tokensOf({ instructions, messages, tools }: ModelRequest): number {
  const texts = [instructions, ...messages.map((message) => JSON.stringify(message)), JSON.stringify(tools)];
  return texts.reduce((sum, text) => sum + countTokens(text) + 4, 3);
}

/** A model that reports what a request takes, and refuses none. */
function meteredModel(seen: ModelRequest[], reply: FunctionModel): FunctionModel {
  return async (request, options) => {
    seen.push(request);
    const usage = { inputTokens: tokensOf(request), outputTokens: 20, cachedTokens: 0, reasoningTokens: 0 };
    const answer = await reply(request, options);
    return { usage, ...(typeof answer === 'string' ? { text: answer } : answer) };
  };
}

/** What a good summary has of the conversation: the fact, and some more. */
function summarise({ messages }: ModelRequest): string {
  const text = messages.map(({ content }) => content).join('\n');
  const facts = text.includes(FACT) ? [FACT] : [];
  return [...facts, 'They spoke about words and their meanings. '.repeat(8)].join(' ');
}

function isResultOf(message: ModelMessage | undefined, callId: string): boolean {
  return message?.role === 'tool' && message.callId === callId;
}

/** Whether every tool call is followed by its result, and every result follows its call. */
function isPaired({ messages }: ModelRequest): boolean {
  return messages.every((message, at) => {
    if (message.role === 'tool') {
      const reply = messages.slice(0, at).findLast(({ role }) => role === 'assistant');
      return reply?.role === 'assistant' && reply.toolCalls.some(({ callId }) => callId === message.callId);
    }
    if (message.role !== 'assistant') return true;
    return message.toolCalls.every(({ callId }, index) => isResultOf(messages[at + 1 + index], callId));
  });
}

/** Whether the next request is of the same run: it goes on with the results of tools. */
function isContinued(messages: readonly ModelMessage[], next: ModelRequest | undefined): boolean {
  return next?.messages.at(-1)?.role === 'tool' && messages.at(-1)?.role !== 'tool';
}

interface Served {
  readonly stack: Stack;
  readonly gateway: Gateway;
  readonly key: SessionKey;
  /** Sends a message and returns the run's record. */
  readonly send: (content: string, more?: object) => Promise<Record<string, unknown>>;
}

async function serve(agent: AgentSpec, model: FunctionModel, deployment: Deployment = {}): Promise<Served> {
  const stack = await startStack({
    temporal: await testTemporal(),
    model,
    agents: [agent],
    tools: [lookUp],
    deployment,
  });
  const gateway = createGateway({ ...stack, agents: registry([agent], [lookUp]), deployment });
  onTestFinished(async () => {
    await gateway.close();
    await stack[Symbol.asyncDispose]();
  });
  const key = stack.key();
  const send: Served['send'] = async (content, more = {}) => {
    const response = await gateway.app.request(`/v1/sessions/${key.session}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'perdure-user': key.user, prefer: 'wait=60' },
      body: JSON.stringify({ content, ...more }),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  return { stack, gateway, key, send };
}

type Summarized = Extract<PerdureEvent, { type: 'context.summarized' }>;
const summariesIn = (events: readonly PerdureEvent[]): Summarized[] =>
  events.filter((event): event is Summarized => event.type === 'context.summarized');

test('a session of 300 turns stays within a window of 4,000 tokens, with a summary for each window', async () => {
  const seen: ModelRequest[] = [];
  const model = meteredModel(seen, (request) => {
    if (isSummary(request)) return summarise(request);
    const last = request.messages.at(-1);
    if (last?.role === 'user' && last.content.endsWith('word?')) {
      return {
        toolCalls: [{ callId: `c${seen.length}`, tool: 'look_up', arguments: { word: 'tree' }, malformed: null }],
      };
    }
    return 'That is a good question, and this is the answer to it.';
  });
  const agent = { name: 'assistant', instructions: 'Be brief.', tools: ['look_up'], window: { maxTokens: WINDOW } };
  const { stack, gateway, key, send } = await serve(agent, model);
  for (let turn = 1; turn <= 300; turn += 1) {
    if (turn === 3) await send(`${FACT} Keep it.`);
    else if (turn === 5) await send(PINNED, { pin: true });
    else
      await send(
        `Question ${turn} of ${'many more that are to follow soon and '.repeat(3)} ${turn % 10 === 0 ? 'about a word?' : 'thanks.'}`,
      );
  }

  const answers = seen.filter((request) => !isSummary(request));
  expect(Math.max(...seen.map(tokensOf))).toBeLessThanOrEqual(WINDOW - 1_000);
  expect(answers.every(isPaired)).toBe(true);
  const last = answers.at(-1);
  expect(last?.messages[0]?.content).toContain(FACT);
  expect(last?.messages.filter(({ content }) => content === PINNED)).toHaveLength(1);

  const events = await stack.events(key);
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(300);
  const summaries = summariesIn(events);
  expect(summaries.map(({ since }) => since)).toEqual([0, ...summaries.slice(0, -1).map(({ seq }) => seq)]);
  const calls = await stack.db.query<{ outcome: string; in_front: boolean }>(
    `SELECT c.outcome, c.started_at < r.ended_at AS in_front FROM perdure.model_calls c
       JOIN perdure.runs r USING (user_id, session_id, run_id) WHERE c.user_id = $1 AND c.kind = 'summary'`,
    [key.user],
  );
  expect(calls).toEqual(summaries.map(() => ({ outcome: 'completed', in_front: false })));
  expect(seen.filter(isSummary)).toHaveLength(summaries.length);
  const source = { step: 1, recovered: null, model: 'function/test', entries: transcript(events) };
  const whole = tokensOf(requestOf(composeContext(versionOf(agent, [lookUp]), source), 'test'));
  const runIds = events.flatMap((event) => (event.type === 'run.completed' ? [event.runId] : []));
  const finals = answers.filter(({ messages }, at) => !isContinued(messages, answers[at + 1]));
  for (let turn = 9; turn < 300; turn += 29) {
    const path = `/v1/sessions/${key.session}/runs/${runIds[turn]}/steps/last/context`;
    const response = await gateway.app.request(path, { headers: { 'perdure-user': key.user } });
    const { messages } = (await response.json()) as { messages: { message: ModelMessage }[] };
    expect(messages.map(({ message }) => message)).toEqual(finals[turn]?.messages);
  }
  // The room for the conversation: the window without what is kept for the answer. Turns of a small window are large parts of it.
  const room = WINDOW - 1_000;
  expect(summaries.length).toBeGreaterThanOrEqual(Math.floor(whole / room));
  expect(summaries.length).toBeLessThanOrEqual(Math.ceil((1.35 * whole) / room));
}, 240_000);

test('what is not known of a window is set by default: a model without a known window gets 8,192 tokens', async () => {
  const seen: ModelRequest[] = [];
  const model = meteredModel(seen, (request) => (isSummary(request) ? summarise(request) : 'Well.'));
  const { stack, key, send } = await serve({ name: 'assistant', window: {} }, model);
  for (let turn = 0; turn < 5; turn += 1) await send(`${turn} ${'words and more words '.repeat(450)}`);
  expect(Math.max(...seen.map(tokensOf))).toBeLessThanOrEqual(8_192 - 1_000);
  expect(Math.max(...seen.map(tokensOf))).toBeGreaterThan(4_000);
  expect(summariesIn(await stack.events(key)).length).toBeGreaterThan(0);
});

test('a message that is larger than the window is refused with the numbers, before any call', async () => {
  const seen: ModelRequest[] = [];
  const agent = { name: 'assistant', instructions: 'Be brief.', window: { maxTokens: WINDOW } };
  const { stack, key, send } = await serve(
    agent,
    meteredModel(seen, () => 'Well.'),
  );
  await send('word '.repeat(5_000));
  const failed = (await stack.events(key)).find((event) => event.type === 'run.failed');
  expect(failed?.error.code).toBe('too_large');
  expect(failed?.error.detail).toMatch(
    /need about \d+ tokens, but the context window of function\/test has room for \d+: 4000 tokens, without 1000 for the answer and \d+ for/,
  );
  expect(seen).toEqual([]);
  expect(await send('A short one?')).toMatchObject({ answer: 'Well.' });
});

test('a window of the deployment leaves out the oldest messages of an agent without a window, and the reply has their number', async () => {
  const seen: ModelRequest[] = [];
  const deployment = { models: { 'function/*': { contextTokens: WINDOW } } };
  const { stack, key, send } = await serve(
    { name: 'assistant' },
    meteredModel(seen, () => 'Well.'),
    deployment,
  );
  for (let turn = 0; turn < 12; turn += 1) await send(`${turn} ${'words and more words '.repeat(100)}`);
  expect(Math.max(...seen.map(tokensOf))).toBeLessThanOrEqual(WINDOW);
  expect(seen.filter(isSummary)).toEqual([]);
  const events = await stack.events(key);
  const omitted = events.flatMap((event) => (event.type === 'message.completed' ? [event.omitted ?? 0] : []));
  expect(omitted.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
  const last = omitted.at(-1) ?? 0;
  expect(last).toBeGreaterThan(5);
  expect(seen.at(-1)?.messages[0]?.content).toContain(`${last} older messages`);
  expect(seen.at(-1)?.messages).toHaveLength(24 - last);
});

test('a summary that fails does not fail the run: older messages are left out, and the reply has their number', async () => {
  const seen: ModelRequest[] = [];
  const model = meteredModel(seen, (request) => {
    if (isSummary(request)) throw new Error('No.');
    return 'Well.';
  });
  const { stack, key, send } = await serve({ name: 'assistant', window: { maxTokens: WINDOW } }, model);
  for (let turn = 0; turn < 14; turn += 1) {
    expect(await send(`${turn} ${'words and more words '.repeat(100)}`)).toMatchObject({ answer: 'Well.' });
  }
  const events = await stack.events(key);
  expect(summariesIn(events)).toEqual([]);
  const omitted = events.flatMap((event) => (event.type === 'message.completed' ? [event.omitted ?? 0] : []));
  expect(omitted.at(-1)).toBeGreaterThan(5);
  const [calls] = await stack.db.query<{ failed: number; held: number }>(
    `SELECT count(*)::int AS failed, sum(held_tokens)::int AS held FROM perdure.model_calls
      WHERE user_id = $1 AND kind = 'summary' AND outcome = 'failed' AND error_code = 'internal'`,
    [key.user],
  );
  expect(calls?.failed).toBeGreaterThan(0);
  expect(calls?.held).toBe(0);
});

test('summaries are charged to the session and its last run, counted under their kind, and stopped by the budget', async () => {
  const seen: ModelRequest[] = [];
  const prices = [{ model: 'function/*', inputUsd: 1, outputUsd: 1 }];
  const agent: AgentSpec = {
    name: 'assistant',
    maxOutputTokens: 100,
    window: { maxTokens: 2_000, reserveTokens: 500 },
    policy: { budget: { sessionTokens: 20_000 } },
  };
  const model = meteredModel(seen, (request) => (isSummary(request) ? summarise(request) : 'Well.'));
  const { stack, gateway, key, send } = await serve(agent, model, { prices });
  let turns = 0;
  while (summariesIn(await stack.events(key)).length === 0) await send(`${(turns += 1)} ${'a few words '.repeat(40)}`);
  const read = async (path: string) => {
    const response = await gateway.app.request(path, { headers: { 'perdure-user': key.user } });
    return (await response.json()) as Record<string, unknown>;
  };
  const [call] = await stack.db.query<{ run_id: string; cost: number; held: number }>(
    `SELECT run_id, cost_nanos::float8 AS cost, held_tokens::float8 AS held FROM perdure.model_calls
      WHERE user_id = $1 AND kind = 'summary'`,
    [key.user],
  );
  expect(call).toMatchObject({ held: 0 });
  expect(call?.cost).toBeGreaterThan(0);
  const why = await read(`/v1/sessions/${key.session}/runs/${call?.run_id}/why`);
  expect(why).toMatchObject({ cost: { calls: [{ step: 1 }, { kind: 'summary', outcome: 'completed' }] } });
  const [sums] = await stack.db.query<{ session: number; runs: number; calls: number; day: number }>(
    `SELECT (SELECT cost_nanos::float8 FROM perdure.sessions WHERE user_id = $1) AS session,
            (SELECT sum(cost_nanos)::float8 FROM perdure.runs WHERE user_id = $1) AS runs,
            (SELECT sum(cost_nanos)::float8 FROM perdure.model_calls WHERE user_id = $1) AS calls,
            (SELECT sum(cost_nanos)::float8 FROM perdure.usage_days WHERE user_id = $1) AS day`,
    [key.user],
  );
  expect(new Set(Object.values(sums ?? {})).size).toBe(1);

  // At the end of the budget no summary is made any more, and every answer that it still allows is given.
  while (!(await stack.events(key)).some(({ type }) => type === 'run.failed')) {
    await send(`${(turns += 1)} ${'a few words '.repeat(40)}`);
  }
  const [left] = await stack.db.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM perdure.model_calls WHERE user_id = $1 AND (outcome = 'running' OR held_tokens > 0)`,
    [key.user],
  );
  expect(left?.open).toBe(0);
}, 120_000);

/** A session whose first summary is held; `release` ends its call. */
async function servedWithHeldSummary(): Promise<Served & { readonly release: () => void }> {
  const asked: ModelRequest[] = [];
  const held = Promise.withResolvers<void>();
  const model = meteredModel([], async (request, { signal }) => {
    if (!isSummary(request)) return 'Well.';
    asked.push(request);
    signal.addEventListener('abort', () => held.reject(signal.reason));
    await held.promise;
    return 'They spoke.';
  });
  const served = await serve({ name: 'assistant', window: { maxTokens: 2_000, reserveTokens: 200 } }, model);
  for (let turn = 0; asked.length === 0; turn += 1) await served.send(`${turn} ${'a few words '.repeat(20)}`);
  return { ...served, release: held.resolve };
}

test('a summary that is being made holds up no answer, and is used once it is there', async () => {
  const { stack, key, send, release } = await servedWithHeldSummary();
  expect(await send('And now?')).toMatchObject({ answer: 'Well.' });
  release();
  await stack.until(key, (events) => summariesIn(events).length > 0);
  await send('And then?');
  const events = await stack.events(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
});

test.each(['end', 'delete'])(
  'a summary that is being made at the %s of its session adds no event, and leaves no call open',
  async (how) => {
    const { stack, gateway, key, release } = await servedWithHeldSummary();
    const path = `/v1/sessions/${key.session}`;
    const [method, url] = how === 'end' ? ['POST', `${path}/end`] : ['DELETE', `${path}?archive=false`];
    const headers = { 'perdure-user': key.user, 'content-type': 'application/json' };
    const response = await gateway.app.request(url, { method, headers, ...(how === 'end' ? { body: '{}' } : {}) });
    expect(response.ok).toBe(true);
    release();
    await stack.stopWorker();
    expect(summariesIn(await stack.events(key))).toEqual([]);
    const calls = await stack.db.query(
      `SELECT outcome FROM perdure.model_calls WHERE user_id = $1 AND outcome = 'running'`,
      [key.user],
    );
    expect(calls).toEqual([]);
  },
);
