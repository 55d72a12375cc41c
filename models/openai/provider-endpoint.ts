import OpenAI from 'openai';
import { LIMITS } from '../../contracts/limits.ts';

/** The address and credentials of an OpenAI-compatible provider. */
export interface ProviderEndpoint {
  /** The provider's part of `provider/model`, and its name in errors. */
  readonly provider: string;
  /** Including the version: `http://127.0.0.1:11434/v1`. Default: OpenAI's. */
  readonly baseUrl?: string | undefined;
  /** Null for a server without authentication. */
  readonly apiKey: string | null;
  readonly fetch?: typeof fetch | undefined;
  /** The longest time without data in a stream. Default `LIMITS.modelSilenceMs`. */
  readonly idleTimeoutMs?: number | undefined;
}

/** A client for an endpoint. */
export interface Connection {
  readonly provider: string;
  readonly api: OpenAI;
  /** Whether this is OpenAI's own service, which is stricter than compatible servers. */
  readonly official: boolean;
  /** The idle timeout of a call. Without streaming no data arrives before the whole response, so it is longer. */
  idleTimeoutMs(stream: boolean): number;
}

const OPENAI_HOST = 'api.openai.com';

/** Configures the `openai` package. Its retries and logs are off: Temporal retries, and Perdure logs. */
export function connect({ provider, baseUrl, apiKey, fetch, idleTimeoutMs }: ProviderEndpoint): Connection {
  const api = new OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL: baseUrl ?? `https://${OPENAI_HOST}/v1`,
    maxRetries: 0,
    // `callProvider` enforces the timeout; the package's own must not fire first.
    timeout: LIMITS.runMs.value * 10,
    logLevel: 'off',
    // Servers without authentication do not get the organisation's id.
    ...(apiKey === null ? { organization: null, project: null } : {}),
    ...(fetch ? { fetch } : {}),
  });
  const streaming = idleTimeoutMs ?? LIMITS.modelSilenceMs.value;
  return {
    provider,
    api,
    official: URL.parse(api.baseURL)?.hostname === OPENAI_HOST,
    idleTimeoutMs: (stream) => (stream || idleTimeoutMs !== undefined ? streaming : LIMITS.runMs.value),
  };
}
