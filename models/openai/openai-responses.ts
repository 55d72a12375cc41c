import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { callProvider } from './call-provider.ts';
import type { ModelClient, ModelRequest } from '../model-client.ts';
import { connect, type Connection, type ProviderEndpoint } from './provider-endpoint.ts';
import { readStream } from './read-stream.ts';
import { ReplyBuilder } from '../reply-builder.ts';
import { ResponsesReply } from './responses-reply.ts';
import { responsesRequest } from './responses-request.ts';

/** A client for OpenAI's Responses API and compatible servers. Stores nothing at the provider. */
export function createOpenAIResponsesClient(endpoint: ProviderEndpoint): ModelClient {
  const connection = connect(endpoint);
  const { provider } = connection;
  return {
    provider,
    generate: (request, { signal, onDelta }) => {
      const builder = new ReplyBuilder(provider, request.stream ? onDelta : null);
      const reply = new ResponsesReply(provider, builder, request.model);
      return callProvider(provider, connection.idleTimeoutMs(request.stream), signal, async (context) => {
        if (request.stream) await readStream(await open(connection, request, context.signal), reply, context);
        else reply.takeResponse(await whole(connection, request, context.signal));
        return reply.end();
      });
    },
  };
}

async function whole({ api }: Connection, request: ModelRequest, signal: AbortSignal): Promise<unknown> {
  return api.responses.create({ ...responsesRequest(request), stream: false }, { signal });
}

async function open(
  { api }: Connection,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<ResponseStreamEvent>> {
  return api.responses.create({ ...responsesRequest(request), stream: true }, { signal });
}
