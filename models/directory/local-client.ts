import { probeLocalServers, type FoundServer } from './local-servers.ts';
import { ModelError, type ModelClient } from '../model-client.ts';
import { createOpenAIChatClient } from '../openai/openai-chat.ts';

/**
 * A client of the local server that has the requested model. Probes on the first call, so that servers may start after the
 * worker, and again after a failed connection.
 */
export function createLocalClient(
  fetch: typeof globalThis.fetch | undefined,
  known: readonly FoundServer[] = [],
): ModelClient {
  const provider = 'local';
  const clients = new Map<string, ModelClient>();
  let servers = known;

  const find = async (model: string): Promise<ModelClient> => {
    let baseUrl = serverOf(servers, model);
    if (baseUrl === undefined) {
      servers = await probeLocalServers(fetch ?? globalThis.fetch);
      baseUrl = serverOf(servers, model);
    }
    if (baseUrl === undefined) throw noServer(servers, model);
    const client = clients.get(baseUrl) ?? createOpenAIChatClient({ provider, baseUrl, apiKey: null, fetch });
    clients.set(baseUrl, client);
    return client;
  };

  return {
    provider,
    generate: async (request, options) => {
      options.signal.throwIfAborted();
      const client = await find(request.model);
      try {
        return await client.generate(request, options);
      } catch (error) {
        if (error instanceof ModelError && error.reason === 'connection') servers = [];
        throw error;
      }
    },
  };
}

function serverOf(servers: readonly FoundServer[], model: string): string | undefined {
  // Ollama lists `llama3:latest` and accepts `llama3`.
  return servers.find(({ models }) => models?.some((one) => one === model || one === `${model}:latest`))?.baseUrl;
}

/** Retryable only if no server runs: one may be starting. */
function noServer(servers: readonly FoundServer[], model: string): ModelError {
  const running = servers.filter(({ models }) => models !== null);
  if (running.length === 0) {
    return new ModelError('connection', `No local model server is running. Start one that has the model ${model}.`, {
      retryable: true,
      unsent: true,
    });
  }
  const has = running.map(({ program, models }) => `${program}: ${models?.join(', ') || 'no models'}`).join('; ');
  return new ModelError('invalid_request', `No local model server has the model ${model}. Found ${has}.`, {
    retryable: false,
    unsent: true,
  });
}
