import type { Deployment } from '../contracts/deployment.ts';
import { createModelDirectory, type ChosenModelDirectory } from '../models/directory/model-directory.ts';
import type { ModelDirectory } from '../models/model-client.ts';

/** Where model calls go. What is left out is read from the environment, as the command line reads it. */
export interface ModelOptions {
  /** `provider/model` for agents that name none. Default: `PERDURE_MODEL`, else what is reachable. */
  readonly model?: string | undefined;
  /** Default: `OPENAI_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** An OpenAI-compatible endpoint. Default: `OPENAI_BASE_URL`. */
  readonly baseUrl?: string | undefined;
  /** Which of OpenAI's two APIs `openai/…` means. Default: `PERDURE_OPENAI_API`, else `chat`. */
  readonly openaiApi?: 'chat' | 'responses' | undefined;
}

/** The models of a worker: a directory as it is, or one made from options and `env`. */
export async function openModels(
  given: ModelOptions | ModelDirectory,
  deployment: Deployment,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ModelDirectory> {
  if ('resolve' in given) return given;
  const { model, apiKey, baseUrl, openaiApi } = given;
  const options = {
    PERDURE_MODEL: model,
    OPENAI_API_KEY: apiKey,
    OPENAI_BASE_URL: baseUrl,
    PERDURE_OPENAI_API: openaiApi,
  };
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const models = await createModelDirectory({ env: { ...env, ...set } });
  checkProviders(models, deployment);
  return models;
}

/** Throws a TypeError when the deployment limits a provider that does not exist: such a limit would limit nothing. */
function checkProviders(models: ChosenModelDirectory, { providers = {} }: Deployment): void {
  const unknown = Object.keys(providers).find((name) => !models.providers.includes(name));
  if (unknown === undefined) return;
  const known = models.providers.join(', ');
  throw new TypeError(
    `The deployment limits the provider ${JSON.stringify(unknown)}, which does not exist. Name one of ${known}.`,
  );
}
