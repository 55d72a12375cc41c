import { BadRequestError } from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { ChatReply } from './chat-reply.ts';
import { chatRequest } from './chat-request.ts';
import { callProvider } from './call-provider.ts';
import type { ModelClient, ModelRequest } from '../model-client.ts';
import { connect, type Connection, type ProviderEndpoint } from './provider-endpoint.ts';
import { readStream } from './read-stream.ts';
import { ReplyBuilder } from '../reply-builder.ts';

/** A client for OpenAI's Chat Completions and compatible servers. */
export function createOpenAIChatClient(endpoint: ProviderEndpoint): ModelClient {
  const connection = connect(endpoint);
  const { provider } = connection;
  // Set to false after the server has rejected the option once.
  const features = { streamUsage: true };
  return {
    provider,
    generate: (request, { signal, onDelta }) => {
      const reply = new ChatReply(provider, new ReplyBuilder(provider, request.stream ? onDelta : null), request.model);
      return callProvider(provider, connection.idleTimeoutMs(request.stream), signal, async (context) => {
        if (request.stream) await readStream(await open(connection, features, request, context.signal), reply, context);
        else reply.take(await whole(connection, request, context.signal));
        return reply.end();
      });
    },
  };
}

async function whole({ api, official }: Connection, request: ModelRequest, signal: AbortSignal): Promise<unknown> {
  return api.chat.completions.create({ ...chatRequest(request, official), stream: false }, { signal });
}

async function open(
  { api, official }: Connection,
  features: { streamUsage: boolean },
  request: ModelRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<ChatCompletionChunk>> {
  const body = { ...chatRequest(request, official), stream: true } as const;
  if (!features.streamUsage) return api.chat.completions.create(body, { signal });
  try {
    return await api.chat.completions.create({ ...body, stream_options: { include_usage: true } }, { signal });
  } catch (error) {
    // Not a retry of the call: the server rejected an option that it does not support.
    if (!refusesStreamOptions(error)) throw error;
    features.streamUsage = false;
    return api.chat.completions.create(body, { signal });
  }
}

function refusesStreamOptions(error: unknown): boolean {
  const refused = error instanceof BadRequestError || (error as { status?: unknown }).status === 422;
  return (
    refused && /stream_options|include_usage/.test(`${(error as BadRequestError).param} ${(error as Error).message}`)
  );
}
