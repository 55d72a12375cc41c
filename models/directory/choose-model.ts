import { listModels, probeLocalServers, type FoundServer } from './local-servers.ts';
import type { ModelSettings } from './model-settings.ts';

/** The default model with `OPENAI_API_KEY`. */
export const DEFAULT_OPENAI_MODEL = 'gpt-5.4-mini';

/** The timeout of listing the models at `OPENAI_BASE_URL`. */
const LIST_TIMEOUT_MS = 3_000;

/** The deployment's default model, and why it was chosen. */
export interface ModelChoice {
  /** `provider/model`. */
  readonly model: string;
  readonly because: string;
  /** The local servers that were found; empty if they were not probed. */
  readonly local: readonly FoundServer[];
}

/**
 * The default model of the workers, as far as their settings determine it: a process that makes no model call, such as a gateway,
 * need not have them. Null without any.
 */
export async function configuredModel(settings: ModelSettings, fetch: typeof globalThis.fetch): Promise<string | null> {
  const { model, apiKey, baseUrl } = settings;
  const isSet = model !== null || apiKey !== null || baseUrl !== null;
  return isSet ? (await chooseModel(settings, fetch)).model : null;
}

/**
 * Chooses the default model: `PERDURE_MODEL`; else the first that `OPENAI_BASE_URL` lists, or OpenAI's default; else the first
 * of a local server; else the scripted model.
 */
export async function chooseModel(settings: ModelSettings, fetch: typeof globalThis.fetch): Promise<ModelChoice> {
  const { model, apiKey, baseUrl } = settings;
  if (model !== null) return { model, because: 'set by PERDURE_MODEL', local: [] };
  if (baseUrl !== null) {
    const listed = await listModels(baseUrl, { fetch, timeoutMs: LIST_TIMEOUT_MS, apiKey });
    return listed?.[0] === undefined
      ? {
          model: `openai/${DEFAULT_OPENAI_MODEL}`,
          because: 'OPENAI_BASE_URL is set, but lists no models; choose one with PERDURE_MODEL',
          local: [],
        }
      : { model: `openai/${listed[0]}`, because: 'the first model at OPENAI_BASE_URL', local: [] };
  }
  if (apiKey !== null) return { model: `openai/${DEFAULT_OPENAI_MODEL}`, because: 'OPENAI_API_KEY is set', local: [] };
  const local = await probeLocalServers(fetch);
  const first = local.find(({ models }) => models?.[0] !== undefined);
  return first
    ? { model: `local/${first.models?.[0]}`, because: `${first.program} is running at ${first.baseUrl}`, local }
    : { model: 'scripted/demo', because: 'no API key is set and no local model server was found', local };
}
