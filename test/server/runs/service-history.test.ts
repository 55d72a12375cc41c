import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { callContextSchema } from '../../../contracts/session/call-context.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { ModelDirectory } from '../../../models/model-client.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import {
  startConversationServer,
  type ConversationServer,
  type ConversationServerOptions,
} from '../../support/models/conversation-server.ts';
import { registry, startStack, type StackOptions } from '../../support/stack.ts';
import { DATABASES, openTestDatabase, type TestDatabase } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const retry = { initialIntervalMs: 1, maxAttempts: 3 };
const KEEPS: AgentSpec = {
  name: 'assistant',
  instructions: 'Be brief.',
  model: 'stub/one',
  tools: ['look_up'],
  history: 'service',
  policy: { retry },
};
const lookUp = defineTool({
  name: 'look_up',
  description: 'Looks a city up.',
  parameters: z.object({ city: z.string() }),
  idempotent: true,
  execute: ({ city }) => `facts about ${city}`,
});

const usage = { inputTokens: 1_000, outputTokens: 10, cachedTokens: 0, reasoningTokens: 0 };

/** Looks up what a message asks for with `?`, and answers with the number of items in its context. */
function answers(seen: readonly string[]) {
  const last = seen.at(-1) ?? '';
  const city = /^user: (\w+)\?$/.exec(last)?.[1];
  return city
    ? { toolCalls: [{ tool: 'look_up', arguments: { city } }], usage }
    : { text: `Answer to ${seen.length} items.`, usage };
}

async function serverOf(options: Partial<ConversationServerOptions> = {}): Promise<ConversationServer> {
  const server = await startConversationServer({ reply: answers, ...options });
  onTestFinished(() => server.close());
  return server;
}

function modelsOf({ baseUrl }: ConversationServer, conversations = false): ModelDirectory {
  const clients = {
    stub: createOpenAIResponsesClient({ provider: 'stub', baseUrl, apiKey: null, conversations }),
    other: createOpenAIResponsesClient({ provider: 'other', baseUrl, apiKey: null }),
    chat: createOpenAIChatClient({ provider: 'chat', baseUrl, apiKey: null }),
  };
  return {
    defaultModel: 'stub/one',
    resolve: (name) => {
      const [provider, model = ''] = name.split('/');
      return { client: clients[provider as keyof typeof clients], model };
    },
  };
}

/** Of all tests that need no store of their own: each has its own user. */
let shared: TestDatabase;
beforeAll(async () => {
  shared = await openTestDatabase('pglite');
});
afterAll(() => shared.close());

async function stackOf(options: Partial<StackOptions> & Pick<StackOptions, 'model'>) {
  const stack = await startStack({
    temporal: await testTemporal(),
    agents: [KEEPS],
    tools: [lookUp],
    db: shared.db,
    ...options,
  });
  onTestFinished(() => stack[Symbol.asyncDispose]());
  return stack;
}

type Of<T extends PerdureEvent['type']> = Extract<PerdureEvent, { type: T }>;
const ofType = <T extends PerdureEvent['type']>(events: readonly PerdureEvent[], type: T) =>
  events.filter((event): event is Of<T> => event.type === type);
const rebuilt = (events: readonly PerdureEvent[]) => ofType(events, 'context.rebuilt').map(({ reason }) => reason);

/** What the model was given, or would have been: each call sees all that precedes. */
const sentBy = ({ body }: ConversationServer['calls'][number]) => (body['input'] as object[]).length;

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

const LOST = [
  ['404', undefined],
  ['400 with its code', { status: 400, error: { code: 'previous_response_not_found', param: 'previous_response_id' } }],
  ['400 with its text alone', { status: 400, error: { message: 'Invalid `previous_response_id`.', code: null } }],
  ['410', { status: 410, error: { message: 'Expired.' } }],
] as const;

test.each(LOST)(
  'a lost conversation (%s) is built again from the transcript, with a note and an event, and goes on',
  async (_how, lost) => {
    const server = await serverOf(lost ? { lost } : {});
    const stack = await stackOf({ model: modelsOf(server) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Paris?' });
    await stack.ended(key);
    server.forget();
    await stack.sender.submit(key, { content: 'Thanks' });
    await stack.ended(key, 2);
    await stack.sender.submit(key, { content: 'Bye' });
    const events = await stack.ended(key, 3);

    expect(rebuilt(events)).toEqual(['lost']);
    const [refused, again, next] = server.calls.slice(2);
    expect(refused).toMatchObject({ seen: null, body: { previous_response_id: server.calls[1]?.id } });
    expect(again?.seen).toEqual([
      'user: Paris?',
      'calls look_up {"city":"Paris"}',
      'result facts about Paris',
      'assistant: Answer to 3 items.',
      'user: Thanks',
    ]);
    expect(again?.body['instructions']).toMatch(/^Be brief\.\n\nSystem note: /);
    expect(next?.body).toMatchObject({ previous_response_id: again?.id, instructions: 'Be brief.' });
    // Within the attempt: no try was used up.
    expect(ofType(events, 'message.completed').map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
  },
  60_000,
);

test('a conversation that has outgrown the context window is built again from the newest runs', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, contextRuns: 1 } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  for (const [index, content] of ['One', 'Two'].entries()) {
    await stack.sender.submit(key, { content });
    await stack.ended(key, index + 1);
  }
  server.refuse({ status: 400, body: { error: { code: 'context_length_exceeded', message: 'Too long.' } } });
  await stack.sender.submit(key, { content: 'Three' });
  const events = await stack.ended(key, 3);

  expect(rebuilt(events)).toEqual(['too_large']);
  expect(server.calls.at(-1)?.seen).toEqual(['user: Two', 'assistant: Answer to 3 items.', 'user: Three']);
}, 60_000);

test.each([
  ['409', { status: 409, body: { error: { message: 'Locked.' } } }],
  ['400 conversation_locked', { status: 400, body: { error: { code: 'conversation_locked', param: 'conversation' } } }],
] as const)(
  'a locked conversation (%s) is a retryable failure, and the retry carries the id',
  async (_how, locked) => {
    const server = await serverOf();
    const stack = await stackOf({ model: modelsOf(server, true) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    server.refuse(locked);
    await stack.sender.submit(key, { content: 'Bye' });
    const events = await stack.ended(key, 2);

    expect(rebuilt(events)).toEqual([]);
    expect(ofType(events, 'message.completed').at(-1)).toMatchObject({ attempt: 2 });
    expect(server.calls.map(({ body }) => body['conversation'])).toEqual(['conv_1', 'conv_1', 'conv_1']);
  },
  60_000,
);

test('a conversation with a reply that was not committed is left, and built again in another one', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, modelSilenceMs: 1_000 } };
  const stack = await stackOf({ model: modelsOf(server, true), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Paris?' });
  await stack.ended(key);
  server.refuse('loses-reply');
  await stack.sender.submit(key, { content: 'Thanks' });
  await stack.ended(key, 2);
  await stack.sender.submit(key, { content: 'Bye' });
  const events = await stack.ended(key, 3);

  expect(rebuilt(events)).toEqual(['unsettled']);
  expect(server.calls.at(-1)?.seen).toEqual([
    'user: Paris?',
    'calls look_up {"city":"Paris"}',
    'result facts about Paris',
    'assistant: Answer to 3 items.',
    'user: Thanks',
    'assistant: Answer to 5 items.',
    'user: Bye',
  ]);
  expect(server.calls.at(-1)?.body['conversation']).toMatch(/^conv_/);
  expect(server.others.filter((one) => one.startsWith('POST'))).toHaveLength(2);
}, 60_000);

test('a stored response is continued although a later reply to it was lost', async () => {
  const server = await serverOf();
  const agent = { ...KEEPS, policy: { retry, modelSilenceMs: 1_000 } };
  const stack = await stackOf({ model: modelsOf(server), agents: [agent] });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  await stack.ended(key);
  server.refuse('loses-reply');
  await stack.sender.submit(key, { content: 'Bye' });
  const events = await stack.ended(key, 2);

  expect(rebuilt(events)).toEqual([]);
  const [first, , again] = server.calls;
  expect(again).toMatchObject({ body: { previous_response_id: first?.id } });
  expect(again?.seen).toEqual(['user: Hello', 'assistant: Answer to 1 items.', 'user: Bye']);
}, 60_000);

test.each([false, true])(
  'messages of an interrupted and of a failed run reach the provider with the next one (conversations: %s)',
  async (conversations) => {
    const server = await serverOf();
    const stack = await stackOf({ model: modelsOf(server, conversations) });
    const key = stack.key();
    await stack.sender.submit(key, { content: 'Hello' });
    await stack.ended(key);
    server.refuse('hangs');
    await stack.sender.submit(key, { content: 'One' });
    await server.received(2);
    server.refuse({ status: 400, body: { error: { message: 'No.', param: 'input' } } });
    await stack.sender.submit(key, { content: 'Two', whileRunning: 'interrupt' });
    await stack.ended(key, 3);
    await stack.sender.submit(key, { content: 'Three' });
    const events = await stack.ended(key, 4);

    expect(events.at(-1)?.type).toBe('run.completed');
    expect(rebuilt(events)).toEqual([]);
    const users = server.calls.at(-1)?.seen?.join('\n');
    expect(users).toMatch(
      /^user: Hello\nassistant: Answer to 1 items\.\nuser: One\n(assistant: Ans.*\n)?user: Two\n\nThree$/,
    );
    expect(server.calls.at(-1)?.body).toMatchObject(
      conversations ? { conversation: 'conv_1' } : { previous_response_id: server.calls[0]?.id },
    );
  },
  60_000,
);

test('a run that is resumed after another one comes after it', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  server.refuse('none', { status: 400, body: { error: { message: 'No.', param: 'input' } } });
  await stack.sender.submit(key, { content: 'Paris?' });
  const failed = ofType(await stack.ended(key), 'run.failed')[0];
  await stack.sender.submit(key, { content: 'Between' });
  await stack.ended(key, 2);
  // The next call continues with what the provider has of the failed run.
  expect(server.calls.at(-1)?.body['previous_response_id']).toBe(server.calls[0]?.id);
  await stack.sender.resume(key, { runId: failed?.runId ?? '' });
  const events = await stack.ended(key, 3);

  expect(events.at(-1)?.type).toBe('run.completed');
  expect(rebuilt(events)).toEqual(['unsettled']);
  expect(server.calls.at(-1)?.seen).toEqual([
    'user: Between',
    'assistant: Answer to 4 items.',
    'user: Paris?',
    'calls look_up {"city":"Paris"}',
    'result facts about Paris',
  ]);
}, 60_000);

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

test('an imported session, and an agent that kept its history here before, are built again once', async () => {
  const server = await serverOf();
  const stack = await stackOf({ model: modelsOf(server) });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'Hello' });
  await stack.ended(key);
  const copy = { ...key, session: 'copy' };
  await importDocument(stack.db, copy, await exportOf(stack.db, key));
  await stack.sender.submit(copy, { content: 'There?' });
  await stack.until(copy, (found) => ofType(found, 'run.completed').length === 2);
  await stack.sender.submit(copy, { content: 'Bye' });
  const events = await stack.until(copy, (found) => ofType(found, 'run.completed').length === 3);

  expect(rebuilt(events)).toEqual(['not_kept']);
  expect(ofType(events, 'message.completed')[0]?.providerConversation).toBeUndefined();
  expect(server.calls[1]?.body['previous_response_id']).toBeUndefined();
  expect(server.calls.at(-1)?.body['previous_response_id']).toBe(server.calls.at(-2)?.id);
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
