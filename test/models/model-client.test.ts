import { createOpenAIChatClient } from '../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../models/openai/openai-responses.ts';
import type { ModelClient } from '../../models/model-client.ts';
import type { ProviderEndpoint } from '../../models/openai/provider-endpoint.ts';
import type { ScriptedReply } from '../../models/scripted/scripted-reply.ts';
import { createScriptedClient } from '../../models/scripted/scripted.ts';
import { startStubModelServer } from '../support/models/stub-model-server.ts';
import { modelClientSuite, type ClientUnderTest } from './model-client.testsuite.ts';

modelClientSuite('Chat Completions', () => overStub(createOpenAIChatClient));
modelClientSuite('Responses', () => overStub(createOpenAIResponsesClient));
modelClientSuite('scripted', async () => {
  const queue: ScriptedReply[] = [];
  return {
    client: createScriptedClient({ replies: () => queue.shift() }),
    enqueue: (...replies) => void queue.push(...replies),
    close: async () => undefined,
  };
});

async function overStub(create: (endpoint: ProviderEndpoint) => ModelClient): Promise<ClientUnderTest> {
  const stub = await startStubModelServer();
  return {
    client: create({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: 'sk-secret' }),
    enqueue: (...replies) => stub.enqueue(...replies),
    close: () => stub.close(),
  };
}
