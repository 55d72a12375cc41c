import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { guardCall } from './guard-call.ts';
import type { ModelClient, ModelRequest } from '../model-client.ts';
import { connect, type Connection, type ProviderEndpoint } from './provider-endpoint.ts';
import { readStream } from './read-stream.ts';
import { ReplyBuilder } from '../reply-builder.ts';
import { ResponsesReply } from './responses-reply.ts';
import { responsesRequest } from './responses-request.ts';

/** A model behind OpenAI's Responses API, or a server that imitates it. Nothing is stored at the provider. */
export function createOpenAIResponsesClient(endpoint: ProviderEndpoint): ModelClient {
  const connection = connect(endpoint);
  const { provider } = connection;
  return {
    provider,
    generate: (request, { signal, onDelta }) => {
      const builder = new ReplyBuilder(provider, request.stream ? onDelta : null);
      const reply = new ResponsesReply(provider, builder, request.model);
      return guardCall(provider, connection.silenceMs(request.stream), signal, async (guard) => {
        if (request.stream) await readStream(await open(connection, request, guard.signal), reply, guard);
        else reply.takeWhole(await whole(connection, request, guard.signal));
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
