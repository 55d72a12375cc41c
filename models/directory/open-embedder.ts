import type { ProviderSettings } from '../../contracts/provider.ts';
import type { Embedder } from '../embedder.ts';
import { ModelError } from '../model-client.ts';
import { createOpenAIEmbedder } from '../openai/embeddings/openai-embeddings.ts';
import type { ProviderEndpoint } from '../openai/provider-endpoint.ts';
import { probeLocalServers } from './local-servers.ts';
import { readModelSettings, type ModelEnvironment } from './model-settings.ts';
import { namedEndpoint, namedProviders } from './named-provider.ts';

export interface EmbedderOptions {
  /** `provider/model`. */
  readonly model: string;
  readonly dimensions?: number | undefined;
}

export interface EmbedderSources {
  readonly env: ModelEnvironment;
  /** The deployment's. */
  readonly providers?: Readonly<Record<string, ProviderSettings>> | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Creates the embedder of a `provider/model`. A provider without its key or its server fails each call.
 * @throws {ModelError} `invalid_request` for an unknown provider.
 */
export function openEmbedder({ model: name, dimensions }: EmbedderOptions, sources: EmbedderSources): Embedder {
  const slash = name.indexOf('/');
  const provider = name.slice(0, slash);
  const model = { model: name.slice(slash + 1), dimensions };
  const { env, providers, fetch } = sources;
  const named = namedProviders(providers).find(([one]) => one === provider)?.[1];
  if (named !== undefined) {
    const found = namedEndpoint(provider, named, env);
    if ('endpoint' in found) return createOpenAIEmbedder({ ...found.endpoint, fetch }, model);
    return failing(
      provider,
      model,
      `requires the environment variable ${found.missing.join(' and ')}, which is not set`,
    );
  }
  if (provider === 'local') return localEmbedder(model, fetch);
  if (provider === 'openai' || provider === 'openai-responses') {
    const { apiKey, baseUrl } = readModelSettings(env);
    if (apiKey === null && baseUrl === null)
      return failing(provider, model, 'requires OPENAI_API_KEY, which is not set');
    return createOpenAIEmbedder({ provider, apiKey, baseUrl: baseUrl ?? undefined, fetch }, model);
  }
  const known = ['openai', 'local', ...namedProviders(providers).map(([one]) => one)].join(', ');
  throw new ModelError(
    'invalid_request',
    `The deployment's memory.embeddings.model is ${JSON.stringify(name)}, whose provider has no embedding endpoint. Use a provider of ${known}, or add one under providers with its baseUrl.`,
    { retryable: false, unsent: true },
  );
}

type Model = { readonly model: string; readonly dimensions: number | undefined };

/** The name that the endpoint would have, so that the vectors stay comparable. */
function spaceOf(provider: string, model: Model): string {
  return createOpenAIEmbedder({ provider, apiKey: null, baseUrl: 'http://localhost' }, model).space;
}

function failing(provider: string, model: Model, problem: string): Embedder {
  const message = `The provider ${provider} ${problem}. Set it for the workers and the gateways.`;
  const error = new ModelError('authentication', message, { retryable: false, unsent: true });
  return { space: spaceOf(provider, model), embed: () => Promise.reject(error) };
}

/** Looks for the server with each call until it is found, so that it may start later. */
function localEmbedder(model: Model, fetch: typeof globalThis.fetch | undefined): Embedder {
  const provider = 'local';
  let found: Embedder | null = null;
  const find = async (): Promise<Embedder> => {
    const servers = await probeLocalServers(fetch ?? globalThis.fetch);
    const server = servers.find(({ models }) =>
      models?.some((one) => one === model.model || one === `${model.model}:latest`),
    );
    if (server) return createOpenAIEmbedder(endpointAt(server.baseUrl), model);
    const message = `No local model server has the model ${model.model}. Start one that has it.`;
    throw new ModelError('connection', message, { retryable: true, unsent: true });
  };
  const endpointAt = (baseUrl: string): ProviderEndpoint => ({ provider, baseUrl, apiKey: null, fetch });
  return {
    space: spaceOf(provider, model),
    async embed(texts, options) {
      found ??= await find();
      try {
        return await found.embed(texts, options);
      } catch (error) {
        if (error instanceof ModelError && error.reason === 'connection') found = null;
        throw error;
      }
    },
  };
}
