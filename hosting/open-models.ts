import type { Deployment } from '../contracts/deployment.ts';
import { configuredModel } from '../models/directory/choose-model.ts';
import { createModelDirectory, type ChosenModelDirectory } from '../models/directory/model-directory.ts';
import { readModelSettings } from '../models/directory/model-settings.ts';
import type { ModelDirectory } from '../models/model-client.ts';

/** Model settings. Each falls back to its environment variable. */
export interface ModelOptions {
  /** `provider/model` of agents that do not name a model. Default: `PERDURE_MODEL`, otherwise a model that is available. */
  readonly model?: string | undefined;
  /** Default: `OPENAI_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** URL of an OpenAI-compatible endpoint. Default: `OPENAI_BASE_URL`. */
  readonly baseUrl?: string | undefined;
  /** The OpenAI API behind `openai/…`. Default: `PERDURE_OPENAI_API`, otherwise `chat`. */
  readonly openaiApi?: 'chat' | 'responses' | undefined;
}

/**
 * Returns a given directory unchanged; creates one from options and `env` otherwise.
 * @throws {TypeError} when the deployment limits an unknown provider.
 */
export async function openModels(
  models: ModelOptions | ModelDirectory,
  deployment: Deployment,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ModelDirectory> {
  if ('resolve' in models) return models;
  const directory = await createModelDirectory({ env: withOptions(models, env), providers: deployment.providers });
  const problem = unknownProvider(deployment, directory);
  if (problem !== null) throw new TypeError(problem);
  return directory;
}

/**
 * The default model of workers with the same settings, for a process that makes no model call. Null if no setting determines
 * it: no key and no other setting is needed.
 */
export async function defaultModelOf(
  models: ModelOptions | ModelDirectory = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  if ('resolve' in models) return models.defaultModel;
  return await configuredModel(readModelSettings(withOptions(models, env)), globalThis.fetch);
}

/** The environment, in which the options take precedence. */
function withOptions({ model, apiKey, baseUrl, openaiApi }: ModelOptions, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const variables = {
    PERDURE_MODEL: model,
    OPENAI_API_KEY: apiKey,
    OPENAI_BASE_URL: baseUrl,
    PERDURE_OPENAI_API: openaiApi,
  };
  return { ...env, ...Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)) };
}

/** Returns an error message if the deployment limits an unknown provider, because that limit would have no effect; otherwise null. */
export function unknownProvider(
  { providers = {} }: Deployment,
  models: Pick<ChosenModelDirectory, 'providers'>,
): string | null {
  const unknown = Object.keys(providers).find((name) => !models.providers.includes(name));
  if (unknown === undefined) return null;
  const valid = models.providers.join(', ');
  return `The deployment limits an unknown provider: ${JSON.stringify(unknown)}. Use one of ${valid}, or set its baseUrl.`;
}
