import { expect, onTestFinished, test } from 'vitest';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { callContextSchema } from '../../../contracts/session/call-context.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { registry } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import {
  retry,
  KEEPS,
  lookUp,
  serverOf,
  modelsOf,
  serviceHistoryStacks,
  ofType,
  rebuilt,
  sentBy,
} from './provider-and-stack.ts';

const stackOf = serviceHistoryStacks();

test.each(DATABASES)(
  'on %s, ids are carried over 20 turns with tools, and only what is new is sent',
  async (kind) => {
    const server = await serverOf();
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const stack = await stackOf({ model: modelsOf(server), db: database.db });
    const key = stack.key();
    for (let turn = 1; turn <= 20; turn += 1) {
      await stack.sender.submit(key, { content: turn % 2 === 0 ? `City${turn}?` : `Hello ${turn}` });
      await stack.ended(key, turn);
    }
    const events = await stack.events(key);

    expect(rebuilt(events)).toEqual([]);
    expect(server.calls).toHaveLength(30);
    for (const [index, call] of server.calls.entries()) {
      expect(call.body['store']).toBe(true);
      expect(call.body['instructions']).toBe('Be brief.');
      expect(call.body['previous_response_id']).toBe(index === 0 ? undefined : server.calls[index - 1]?.id);
      expect(sentBy(call)).toBe(1);
    }
    // The provider's model has had all of it: 20 messages, 10 calls with their results, 19 answers.
    expect(server.calls.at(-1)?.seen).toHaveLength(59);
    expect(ofType(events, 'message.completed').map(({ providerConversation: kept }) => kept)).toEqual(
      server.calls.map(({ id }) => ({ model: 'stub/one', kind: 'response', id })),
    );
  },
  120_000,
);

test('a steered message follows the reply that was made without it', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  const held = Promise.withResolvers<void>();
  server.hold(held.promise);
  await stack.sender.submit(key, { content: 'Hello' });
  await server.received(1);
  await stack.sender.submit(key, { content: 'And this', whileRunning: 'steer' });
  held.resolve();
  const events = await stack.ended(key);

  expect(events.at(-1)?.type).toBe('run.completed');
  const [first, second] = server.calls;
  expect(second).toMatchObject({ body: { previous_response_id: first?.id } });
  expect(second?.seen).toEqual(['user: Hello', 'assistant: Answer to 1 items.', 'user: And this']);
}, 60_000);

test('another model gets the local transcript, and the first one goes on where it was', async () => {
  const server = await serverOf();
  const agent: AgentSpec = { ...KEEPS, fallbackModels: ['other/two'], policy: { retry: { ...retry, maxAttempts: 1 } } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'One' });
  await stack.ended(key);
  server.refuse({ status: 503, body: { error: { message: 'Overloaded.' } } });
  await stack.sender.submit(key, { content: 'Two' });
  await stack.ended(key, 2);
  await stack.sender.submit(key, { content: 'Three' });
  const events = await stack.ended(key, 3);

  expect(ofType(events, 'context.rebuilt')).toMatchObject([{ model: 'other/two', reason: 'other_model' }]);
  const seen = ['user: One', 'assistant: Answer to 1 items.', 'user: Two'];
  expect(server.calls[2]).toMatchObject({ seen, body: { model: 'two' } });
  expect(server.calls[2]?.body['previous_response_id']).toBeUndefined();
  expect(server.calls[3]).toMatchObject({ body: { model: 'one', previous_response_id: server.calls[0]?.id } });
  expect(server.calls[3]?.seen).toEqual([...seen, 'assistant: Answer to 3 items.', 'user: Three']);
}, 60_000);

test('a provider with Chat Completions only is refused before the call, with what to do', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server), agents: [{ ...KEEPS, model: 'chat/one' }] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  const events = await stack.ended(key);

  expect(ofType(events, 'run.failed')[0]?.error).toEqual({
    code: 'invalid_request',
    detail:
      'The agent assistant sets history: service, but the provider chat (model chat/one) does not keep conversations. Use a provider with the Responses API (openai-responses, or providers.NAME.api: responses), or set history: true.',
  });
  expect(server.calls).toEqual([]);
}, 60_000);

test("the provider's context counts: reported tokens are reserved, and a run whose budget they exceed is refused", async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, maxOutputTokens: 100, policy: { retry, budget: { sessionTokens: 2_500 } } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  await stack.ended(key);
  await stack.sender.submit(key, { content: 'Bye' });
  const events = await stack.ended(key, 2);

  // 1,010 tokens are used. The second call has 1,010 at the provider besides its own: the local transcript alone would fit.
  expect(ofType(events, 'run.failed')[0]?.error.code).toBe('budget_exceeded');
}, 60_000);

test('the context of a call shows what was sent, and that the rest is at the provider', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  const runs: string[] = [];
  for (const content of ['One', 'Two', 'Three']) {
    if (content === 'Three') server.forget();
    const { runId } = await stack.sender.submit(key, { content });
    runs.push(runId ?? '');
    await stack.ended(key, runs.length);
  }
  const gateway = createGateway({ ...stack, agents: registry([KEEPS], [lookUp]), deployment: {} });
  onTestFinished(() => gateway.close());
  const contexts = await Promise.all(
    runs.map(async (run) => {
      const path = `/v1/sessions/${key.session}/runs/${run}/steps/1/context`;
      const response = await gateway.app.request(path, { headers: { 'perdure-user': key.user } });
      return callContextSchema.parse(await response.json());
    }),
  );

  const first = { after: null, previous: null, keptTokens: 0 };
  expect(contexts.map(({ conversation }) => conversation)).toEqual([
    first,
    {
      after: { runId: runs[0], step: 1 },
      previous: { kind: 'response', id: server.calls[0]?.id },
      keptTokens: 1_010,
    },
    { ...first, rebuilt: 'lost' },
  ]);
  expect(contexts.map(({ messages }) => messages.length)).toEqual([1, 1, 5]);
  expect(contexts[1]?.tokens.estimated).toBeGreaterThan(1_010);
  expect(contexts[2]?.instructions.map(({ origin }) => origin)).toEqual([
    { kind: 'agent' },
    { kind: 'rebuilt', reason: 'lost' },
  ]);
}, 60_000);

const softened = defineMiddleware({
  name: 'softened',
  model: async (_call, next) => next(),
  output: ({ text }) => (text === 'Answer to 1 items.' ? { text: 'Softened.' } : undefined),
});

test('with middleware a conversation continues, after a changed reply too, and is built again within the attempt', async () => {
  const server = await serverOf();
  const agents = [{ ...KEEPS, middleware: ['softened'] }];
  const stack = await stackOf({ model: modelsOf(server), agents, middleware: [softened] });
  const key = stack.key();
  for (const [at, content] of ['One', 'Two', 'Three', 'Four'].entries()) {
    if (content === 'Four') server.forget();
    await stack.sender.submit(key, { content });
    await stack.ended(key, at + 1);
  }
  const events = await stack.events(key);

  // The provider has the first reply as it was before it was changed.
  expect(rebuilt(events)).toEqual(['not_kept', 'lost']);
  const [, second, third, refused, again] = server.calls;
  expect(second?.seen).toEqual(['user: One', 'assistant: Softened.', 'user: Two']);
  expect(third?.body['previous_response_id']).toBe(second?.id);
  expect(third && sentBy(third)).toBe(1);
  expect(refused?.seen).toBeNull();
  expect(again?.seen).toHaveLength(7);
  expect(ofType(events, 'run.completed')).toHaveLength(4);
  expect(ofType(events, 'message.completed').at(-1)).toMatchObject({
    attempt: 1,
    providerConversation: { id: again?.id },
  });
}, 60_000);

test('a window bounds the transcript that is sent, and cuts nothing from a conversation that continues', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, window: { maxTokens: 2_000, reserveTokens: 200, summaries: false } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  const runs: string[] = [];
  for (let turn = 1; turn <= 5; turn += 1) {
    if (turn === 5) server.forget();
    const { runId } = await stack.sender.submit(key, { content: `${turn} ${'word '.repeat(600)}` });
    runs.push(runId ?? '');
    await stack.ended(key, turn);
  }
  const events = await stack.events(key);

  expect(rebuilt(events)).toEqual(['lost']);
  expect(server.calls.slice(0, 4).map(sentBy)).toEqual([1, 1, 1, 1]);
  expect(server.calls[3]?.seen).toHaveLength(7);
  const replies = ofType(events, 'message.completed');
  expect(replies.map(({ omitted = 0 }) => omitted > 0)).toEqual([false, false, false, false, true]);
  const gateway = createGateway({ ...stack, agents: registry([agent], [lookUp]), deployment: {} });
  onTestFinished(() => gateway.close());
  const shown = runs.slice(-2).map(async (run) => {
    const path = `/v1/sessions/${key.session}/runs/${run}/steps/1/context`;
    const response = await gateway.app.request(path, { headers: { 'perdure-user': key.user } });
    return callContextSchema.parse(await response.json());
  });
  const [continued, whole] = await Promise.all(shown);
  expect(continued?.messages.map(({ origin }) => origin.kind)).toEqual(['message']);
  expect(whole?.messages[0]?.origin).toEqual({ kind: 'omission', omitted: replies.at(-1)?.omitted });
  expect(whole?.messages).toHaveLength(server.calls.at(-1)?.seen?.length ?? 0);
}, 60_000);
