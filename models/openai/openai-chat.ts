import { ChatReply } from './chat-reply.ts';
import { chatRequest } from './chat-request.ts';
import { callProvider } from './call-provider.ts';
import { ModelError, type ModelClient, type ModelRequest } from '../model-client.ts';
import { OutputFormats } from './output/output-format.ts';
import { postRequest } from './post-request.ts';
import { connect, type Connection, type ProviderEndpoint } from './provider-endpoint.ts';
import { refusesProviderFields } from './provider-fields.ts';
import { readResponse } from './read-response.ts';
import { ReplyBuilder } from '../reply-builder.ts';

/** Parts of a request that compatible servers may reject. Each is set to false after the server has rejected it once. */
interface Features {
  streamUsage: boolean;
  providerFields: boolean;
}

/** A client for OpenAI's Chat Completions and compatible servers. */
export function createOpenAIChatClient(endpoint: ProviderEndpoint): ModelClient {
  const connection = connect(endpoint);
  const { provider } = connection;
  const features: Features = { streamUsage: true, providerFields: true };
  const formats = new OutputFormats(connection);
  return {
    provider,
    generate: (request, { signal, onDelta, silenceMs }) => {
      const builder = new ReplyBuilder(provider, request.stream ? onDelta : null);
      const reply = new ChatReply(connection, builder, request.model);
      const idleTimeoutMs = connection.idleTimeoutMs(request.stream, silenceMs);
      return callProvider(provider, idleTimeoutMs, signal, async (context) => {
        const response = await post(connection, { features, formats }, request, context.signal);
        await readResponse(connection, response, reply, context);
        return reply.end();
      });
    },
  };
}

/** Sends a request, and again without a part that the server rejects. This is no retry of the call: the server has not made it. */
async function post(
  connection: Connection,
  { features, formats }: { readonly features: Features; readonly formats: OutputFormats },
  request: ModelRequest,
  signal: AbortSignal,
): Promise<Response> {
  for (;;) {
    const { official } = connection;
    const formatted = formats.format(request);
    const body = {
      ...chatRequest(formatted, { official, providerFields: features.providerFields }),
      stream: request.stream,
      ...(request.stream && features.streamUsage ? { stream_options: { include_usage: true } } : {}),
    };
    try {
      return await postRequest(connection, '/chat/completions', body, signal);
    } catch (error) {
      if (formats.refuses(error, formatted)) continue;
      const refused = refusedFeature(error);
      if (refused === null || !features[refused] || (refused === 'streamUsage' && !request.stream)) throw error;
      features[refused] = false;
    }
  }
}

function refusedFeature(error: unknown): keyof Features | null {
  if (!(error instanceof ModelError) || (error.httpStatus !== 400 && error.httpStatus !== 422)) return null;
  const said = `${error.report?.param} ${error.report?.message}`;
  if (/stream_options|include_usage/.test(said)) return 'streamUsage';
  return refusesProviderFields(said) ? 'providerFields' : null;
}
