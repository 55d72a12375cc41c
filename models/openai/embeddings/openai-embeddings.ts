import { z } from 'zod';
import { LIMITS } from '../../../contracts/limits.ts';
import type { Embedder } from '../../embedder.ts';
import { ModelError } from '../../model-client.ts';
import { callProvider } from '../call-provider.ts';
import { parseResponse } from '../parse-response.ts';
import { postRequest } from '../post-request.ts';
import { connect, type ProviderEndpoint } from '../provider-endpoint.ts';
import { failureIn } from '../provider-failure.ts';
import { readResponse } from '../read-response.ts';

export interface EmbeddingModel {
  /** The model's name, without the provider. */
  readonly model: string;
  /** Default: the model's own; the request then has no such field, which some servers refuse. */
  readonly dimensions?: number | undefined;
}

const responseSchema = z.object({
  data: z.array(z.object({ index: z.number().int().optional(), embedding: z.array(z.number()) })),
});
const tokensSchema = z.object({ usage: z.object({ prompt_tokens: z.number().int().min(0).max(1e12) }) });

/** Vectors of texts from `/embeddings` of an OpenAI-compatible endpoint. */
export function createOpenAIEmbedder(endpoint: ProviderEndpoint, { model, dimensions }: EmbeddingModel): Embedder {
  const connection = connect(endpoint);
  const { provider } = connection;
  return {
    space: `${provider}/${model}${dimensions === undefined ? '' : `@${dimensions}`}`,
    embed: (texts, { signal, onTokens }) =>
      callProvider(provider, LIMITS.embeddingMs.value, signal, async (call) => {
        const body = {
          model,
          input: [...texts],
          // Not every server has the package's default, base64.
          encoding_format: 'float',
          ...(dimensions === undefined ? {} : { dimensions }),
        };
        const response = await postRequest(connection, '/embeddings', body, call.signal);
        let document: unknown = null;
        const reader = {
          ended: false,
          take: () => {},
          takeWhole: (whole: unknown) => {
            document = whole;
          },
        };
        await readResponse(connection, response, reader, call);
        if (isFailure(document)) throw failureIn(connection, document);
        const vectors = vectorsOf(provider, document, texts.length);
        // Not every server reports them, and some do so in another form.
        onTokens?.(tokensSchema.safeParse(document).data?.usage.prompt_tokens ?? null);
        return vectors;
      }),
  };
}

/** Whether a response of status 200 is an error. */
function isFailure(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'error' in document && !('data' in document);
}

/** The vectors in the order of the texts, which some servers change. */
function vectorsOf(provider: string, document: unknown, count: number): readonly (readonly number[])[] {
  const { data } = parseResponse(provider, responseSchema, document);
  const vectors = new Map(data.map(({ index, embedding }, place) => [index ?? place, embedding]));
  const ordered = Array.from({ length: count }, (_, index) => vectors.get(index) ?? []);
  if (vectors.size === count && ordered.every((vector) => vector.length > 0)) return ordered;
  throw new ModelError('server_error', `The provider ${provider} sent ${data.length} vectors for ${count} texts.`, {
    retryable: true,
  });
}
