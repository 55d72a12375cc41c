import OpenAI from 'openai';
import { LIMITS } from '../../contracts/limits.ts';

/** Where an OpenAI-compatible provider is and how it is spoken to. */
export interface ProviderEndpoint {
  /** The provider's part of `provider/model`, and its name in errors. */
  readonly provider: string;
  /** With its version part: `http://127.0.0.1:11434/v1`. Default: OpenAI's own. */
  readonly baseUrl?: string | undefined;
  /** Null for a server that asks for none. */
  readonly apiKey: string | null;
  readonly fetch?: typeof fetch | undefined;
  /** The longest the provider may say nothing while it streams, in ms. Default `LIMITS.modelSilenceMs`. */
  readonly silenceMs?: number | undefined;
}

/** An endpoint, opened. */
export interface Connection {
  readonly provider: string;
  readonly api: OpenAI;
  /** Whether this is OpenAI's own service, which is stricter than its imitations. */
  readonly official: boolean;
  /** The longest silence that is waited through. An answer that does not stream is silent until it is whole. */
  silenceMs(stream: boolean): number;
}

const OPENAI_HOST = 'api.openai.com';

/** Retries are Temporal's, logs are ours: the package does neither. */
export function connect({ provider, baseUrl, apiKey, fetch, silenceMs }: ProviderEndpoint): Connection {
  const api = new OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL: baseUrl ?? `https://${OPENAI_HOST}/v1`,
    maxRetries: 0,
    // The guard around each call watches the time; the package's own timer must not come before it.
    timeout: LIMITS.runMs.value * 10,
    logLevel: 'off',
    // Another server is not told which organisation this is.
    ...(apiKey === null ? { organization: null, project: null } : {}),
    ...(fetch ? { fetch } : {}),
  });
  const longest = silenceMs ?? LIMITS.modelSilenceMs.value;
  return {
    provider,
    api,
    official: URL.parse(api.baseURL)?.hostname === OPENAI_HOST,
    silenceMs: (stream) => (stream || silenceMs !== undefined ? longest : LIMITS.runMs.value),
  };
}
