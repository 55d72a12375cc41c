import { chooseModel } from './choose-model.ts';
import { listModels, probeLocalServers } from './local-servers.ts';
import { readModelSettings } from './model-settings.ts';
import type { ModelDirectoryOptions } from './model-directory.ts';

/** A source of models. */
export interface ModelSource {
  readonly source: string;
  /** `ready`: it lists models. `absent`: not configured or not running. `failing`: configured or running, but lists none. */
  readonly state: 'ready' | 'absent' | 'failing';
  readonly detail: string;
  /** Null if ready. */
  readonly remedy: string | null;
}

/** The models section of `perdure doctor`. */
export interface ModelReport {
  /** `provider/model`. */
  readonly defaultModel: string;
  readonly because: string;
  /** Whether the default is a scripted model. */
  readonly scripted: boolean;
  readonly sources: readonly ModelSource[];
}

const LIST_TIMEOUT_MS = 5_000;

/** Checks all sources of models: the configured endpoint and the local ports. Makes no model call. */
export async function describeModels({ env, fetch = globalThis.fetch }: ModelDirectoryOptions): Promise<ModelReport> {
  const settings = readModelSettings(env);
  const [choice, openai, local] = await Promise.all([
    chooseModel(settings, fetch),
    describeOpenAI(settings, fetch),
    probeLocalServers(fetch),
  ]);
  const servers = local.map(({ program, baseUrl, models, remedy }): ModelSource => {
    if (models === null) return { source: program, state: 'absent', detail: `not running at ${baseUrl}`, remedy };
    if (models.length === 0) return { source: program, state: 'failing', detail: `no models at ${baseUrl}`, remedy };
    return { source: program, state: 'ready', detail: `${baseUrl}: ${shortList(models)}`, remedy: null };
  });
  return {
    defaultModel: choice.model,
    because: choice.because,
    scripted: choice.model.startsWith('scripted/'),
    sources: [openai, ...servers],
  };
}

async function describeOpenAI(
  { apiKey, baseUrl }: ReturnType<typeof readModelSettings>,
  fetch: typeof globalThis.fetch,
): Promise<ModelSource> {
  const source = 'OpenAI API';
  if (apiKey === null && baseUrl === null) {
    const remedy = 'Set OPENAI_API_KEY, or OPENAI_BASE_URL for another server.';
    return { source, state: 'absent', detail: 'neither OPENAI_API_KEY nor OPENAI_BASE_URL is set', remedy };
  }
  const url = baseUrl ?? 'https://api.openai.com/v1';
  // The origin only: a URL may contain a password.
  const shown = new URL(url).origin;
  const models = await listModels(url, { fetch, timeoutMs: LIST_TIMEOUT_MS, apiKey });
  if (models?.length) return { source, state: 'ready', detail: `${shown}: ${shortList(models)}`, remedy: null };
  return {
    source,
    state: 'failing',
    detail: `${shown} does not list its models`,
    remedy: 'Check OPENAI_API_KEY, OPENAI_BASE_URL (with its /v1) and the network.',
  };
}

function shortList(models: readonly string[]): string {
  const shown = models.slice(0, 5).join(', ');
  return models.length > 5 ? `${shown} and ${models.length - 5} more` : shown;
}
