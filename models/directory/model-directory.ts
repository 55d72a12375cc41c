import { chooseModel, type ModelChoice } from './choose-model.ts';
import type { ProviderSettings } from '../../contracts/provider.ts';
import { createNamedProvider, namedProviders } from './named-provider.ts';
import { createLocalClient } from './local-client.ts';
import { ModelError, type ModelClient, type ModelDirectory } from '../model-client.ts';
import { readModelSettings, type ModelEnvironment, type ModelSettings } from './model-settings.ts';
import { createOpenAIChatClient } from '../openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../openai/openai-responses.ts';
import { createScriptedProvider, SCRIPTED_MODELS } from '../scripted/scripted-demo.ts';

export interface ModelDirectoryOptions {
  readonly env: ModelEnvironment;
  readonly fetch?: typeof globalThis.fetch;
  /** The deployment's. Those with a `baseUrl` are added to the built-in ones. */
  readonly providers?: Readonly<Record<string, ProviderSettings>> | undefined;
}

/** A directory with the choice of its default. */
export interface ChosenModelDirectory extends ModelDirectory {
  readonly choice: ModelChoice;
  /** The valid providers of `provider/model`. */
  readonly providers: readonly string[];
}

/**
 * Creates the model clients of a process: `openai/NAME`, `openai-responses/NAME`, `local/NAME` (a server on this machine),
 * `scripted/NAME`, and those of the deployment's own providers. `chooseModel` determines the default. Rejects with a
 * ModelError if `PERDURE_MODEL` names an unknown provider, or if a provider has the name of a built-in one.
 */
export async function createModelDirectory(options: ModelDirectoryOptions): Promise<ChosenModelDirectory> {
  const fetch = options.fetch ?? globalThis.fetch;
  const settings = readModelSettings(options.env);
  const choice = await chooseModel(settings, fetch);
  const clients = createClients(settings, choice, options.fetch);
  for (const [name, named] of namedProviders(options.providers)) {
    if (clients.has(name)) throw builtIn(name);
    clients.set(name, createNamedProvider(name, named, options.env, options.fetch));
  }
  const resolve: ModelDirectory['resolve'] = (name) => {
    const slash = name.indexOf('/');
    const client = clients.get(name.slice(0, Math.max(slash, 0)));
    const model = name.slice(slash + 1);
    if (!client || model === '')
      throw unknown(name, `provider/model, with a provider of ${[...clients.keys()].join(', ')}`);
    if (client.provider === 'scripted' && !Object.hasOwn(SCRIPTED_MODELS, model)) {
      throw unknown(
        name,
        Object.keys(SCRIPTED_MODELS)
          .map((one) => `scripted/${one}`)
          .join(', '),
      );
    }
    return { client, model };
  };
  resolve(choice.model);
  return { defaultModel: choice.model, choice, providers: [...clients.keys()], resolve };
}

/** The names of the providers that need no address in the deployment file. */
export const BUILT_IN_PROVIDERS = ['openai', 'openai-responses', 'local', 'scripted'] as const;

function createClients(
  { apiKey, baseUrl, openaiApi, scriptedLog }: ModelSettings,
  { local }: ModelChoice,
  fetch: typeof globalThis.fetch | undefined,
): Map<string, ModelClient> {
  const openai = { baseUrl: baseUrl ?? undefined, apiKey, fetch };
  const create = openaiApi === 'responses' ? createOpenAIResponsesClient : createOpenAIChatClient;
  const clients: Record<(typeof BUILT_IN_PROVIDERS)[number], ModelClient> = {
    openai: create({ provider: 'openai', ...openai }),
    'openai-responses': createOpenAIResponsesClient({ provider: 'openai-responses', ...openai }),
    local: createLocalClient(fetch, local),
    scripted: createScriptedProvider({ logPath: scriptedLog ?? undefined }),
  };
  return new Map(Object.entries(clients));
}

function builtIn(name: string): ModelError {
  const remedy = name.startsWith('openai')
    ? 'Set OPENAI_BASE_URL for its address, or choose another name.'
    : 'Choose another name.';
  const problem = `The deployment sets baseUrl of the provider ${JSON.stringify(name)}, which is built in. ${remedy}`;
  return new ModelError('invalid_request', problem, { retryable: false, unsent: true });
}

function unknown(name: string, known: string): ModelError {
  return new ModelError('invalid_request', `Unknown model ${JSON.stringify(name)}. Use ${known}.`, {
    retryable: false,
    unsent: true,
  });
}
