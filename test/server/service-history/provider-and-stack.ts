import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { ModelDirectory } from '../../../models/model-client.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import {
  startConversationServer,
  type ConversationServer,
  type ConversationServerOptions,
} from '../../support/models/conversation-server.ts';
import { startStack, type Stack, type StackOptions } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

export const retry = { initialIntervalMs: 1, maxAttempts: 3 };
/** Keeps its history at the provider. */
export const KEEPS: AgentSpec = {
  name: 'assistant',
  instructions: 'Be brief.',
  model: 'stub/one',
  tools: ['look_up'],
  history: 'service',
  policy: { retry },
};
export const lookUp = defineTool({
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

/** A provider that keeps conversations, until the test is over. */
export async function serverOf(options: Partial<ConversationServerOptions> = {}): Promise<ConversationServer> {
  const server = await startConversationServer({ reply: answers, ...options });
  onTestFinished(() => server.close());
  return server;
}

/** The provider under two names with the Responses API, and under one with Chat Completions only. `conversations`: of the first. */
export function modelsOf({ baseUrl }: ConversationServer, conversations = false): ModelDirectory {
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

/** Call it once in a file: its tests share a store, each with a user of its own. */
export function serviceHistoryStacks() {
  const database = embeddedDatabase();
  return async (options: Partial<StackOptions> & Pick<StackOptions, 'model'>): Promise<Stack> => {
    const stack = await startStack({
      temporal: await testTemporal(),
      agents: [KEEPS],
      tools: [lookUp],
      db: database.db,
      ...options,
    });
    onTestFinished(() => stack[Symbol.asyncDispose]());
    return stack;
  };
}

type Of<T extends PerdureEvent['type']> = Extract<PerdureEvent, { type: T }>;
export const ofType = <T extends PerdureEvent['type']>(events: readonly PerdureEvent[], type: T) =>
  events.filter((event): event is Of<T> => event.type === type);

/** The reasons for which conversations were built again. */
export const rebuilt = (events: readonly PerdureEvent[]) =>
  ofType(events, 'context.rebuilt').map(({ reason }) => reason);

/** What the model was given, or would have been: each call sees all that precedes. */
export const sentBy = ({ body }: ConversationServer['calls'][number]) => (body['input'] as object[]).length;
