import { LIMITS } from '../../contracts/limits.ts';
import { callProvider } from './call-provider.ts';
import type { ModelClient, ModelRequest } from '../model-client.ts';
import { asLost, continueConversation, deleteKept, type ConversationFields } from './responses/kept-conversation.ts';
import { OutputFormats } from './output/output-format.ts';
import { postRequest } from './post-request.ts';
import { connect, type Connection, type ProviderEndpoint } from './provider-endpoint.ts';
import { readResponse } from './read-response.ts';
import { ReplyBuilder } from '../reply-builder.ts';
import { ResponsesReply } from './responses/responses-reply.ts';
import { responsesRequest } from './responses/responses-request.ts';

/** A client for OpenAI's Responses API and compatible servers. The provider stores what a request with `conversation` is sent, and nothing of any other. */
export function createOpenAIResponsesClient(endpoint: ProviderEndpoint): ModelClient {
  const connection = connect(endpoint);
  const { provider } = connection;
  const formats = new OutputFormats(connection);
  return {
    provider,
    keepsConversations: true,
    deleteKept: (kept, model, signal) =>
      callProvider(provider, LIMITS.keptDeletionMs.value, signal, (context) =>
        deleteKept(connection, kept, model, context),
      ),
    generate: (request, { signal, onDelta, silenceMs }) => {
      const { stream } = request;
      const builder = new ReplyBuilder(provider, stream ? onDelta : null);
      const reply = new ResponsesReply(connection, builder, request.model);
      return callProvider(provider, connection.idleTimeoutMs(stream, silenceMs), signal, async (context) => {
        const fields = await continueConversation(connection, request.conversation, request.model, context);
        try {
          const response = await post(connection, formats, { request, fields }, context.signal);
          await readResponse(connection, response, reply, context);
          return reply.end(fields);
        } catch (error) {
          throw asLost(error, fields, provider);
        }
      });
    },
  };
}

/** Sends a request, and again without the format of its reply if the server refuses that. This is no retry of the call. */
async function post(
  connection: Connection,
  formats: OutputFormats,
  { request, fields }: { readonly request: ModelRequest; readonly fields: ConversationFields },
  signal: AbortSignal,
): Promise<Response> {
  const { stream } = request;
  for (;;) {
    const formatted = formats.format(request);
    try {
      const body = { ...responsesRequest(formatted, fields), model: request.model, stream };
      return await postRequest(connection, '/responses', body, signal);
    } catch (error) {
      if (!formats.refuses(error, formatted)) throw error;
    }
  }
}
