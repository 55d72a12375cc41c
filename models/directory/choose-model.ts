import { listModels, probeLocalServers, type FoundServer } from './local-servers.ts';
import type { ModelSettings } from './model-settings.ts';

/** The model used with `OPENAI_API_KEY` when no other is named. */
export const DEFAULT_OPENAI_MODEL = 'gpt-5.4-mini';

/** How long `OPENAI_BASE_URL` may take to list its models, in ms. */
const LIST_MS = 3_000;

/** The deployment's default model, and how it came to be. */
export interface ModelChoice {
  /** `provider/model`. */
  readonly model: string;
  readonly because: string;
  /** What was found on this machine's usual ports; empty when nobody looked. */
  readonly local: readonly FoundServer[];
}

/** `PERDURE_MODEL`, else OpenAI or what `OPENAI_BASE_URL` lists first, else a local server's first, else the scripted one. */
export async function chooseModel(settings: ModelSettings, fetch: typeof globalThis.fetch): Promise<ModelChoice> {
  const { model, apiKey, baseUrl } = settings;
  if (model !== null) return { model, because: 'PERDURE_MODEL says so', local: [] };
  if (baseUrl !== null) {
    const listed = await listModels(baseUrl, { fetch, timeoutMs: LIST_MS, apiKey });
    return listed?.[0] === undefined
      ? {
          model: `openai/${DEFAULT_OPENAI_MODEL}`,
          because: 'OPENAI_BASE_URL is set, but lists no models; name one with PERDURE_MODEL',
          local: [],
        }
      : { model: `openai/${listed[0]}`, because: 'OPENAI_BASE_URL lists it first', local: [] };
  }
  if (apiKey !== null) return { model: `openai/${DEFAULT_OPENAI_MODEL}`, because: 'OPENAI_API_KEY is set', local: [] };
  const local = await probeLocalServers(fetch);
  const first = local.find(({ models }) => models?.[0] !== undefined);
  return first
    ? { model: `local/${first.models?.[0]}`, because: `${first.program} runs at ${first.baseUrl}`, local }
    : { model: 'scripted/demo', because: 'no API key is set and no local model server was found', local };
}
