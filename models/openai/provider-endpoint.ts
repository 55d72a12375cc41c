import OpenAI from 'openai';
import { LIMITS } from '../../contracts/limits.ts';
import { wrapErrors } from './http/provider-fetch.ts';
import { unhurriedFetch, type ProviderFetch } from './http/unhurried-fetch.ts';

/** The address and credentials of an OpenAI-compatible provider. */
export interface ProviderEndpoint {
  /** The provider's part of `provider/model`, and its name in errors. */
  readonly provider: string;
  /** Including the version: `http://127.0.0.1:11434/v1`. `{model}` stands for the model. Default: OpenAI's. */
  readonly baseUrl?: string | undefined;
  /** Null for a server without authentication. */
  readonly apiKey: string | null;
  /** Of every request. They replace headers of the same names, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The values of headers that are secret. Cut out of what the provider reports, as the key is. Default: none. */
  readonly secrets?: readonly string[] | undefined;
  /** Query parameters of every request. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Whether it has the Conversations API, which then keeps conversations. Default false: its stored responses do. */
  readonly conversations?: boolean | undefined;
  /** The setting of `baseUrl`, for errors. Default `OPENAI_BASE_URL`. */
  readonly addressSetting?: string | undefined;
  /** Default: one without time limits of its own. */
  readonly fetch?: ProviderFetch | undefined;
}

/** A client for an endpoint. */
export interface Connection {
  readonly provider: string;
  /** The key and other secrets, to be cut out of what the provider reports. */
  readonly secrets: readonly string[];
  readonly api: OpenAI;
  readonly addressSetting: string;
  /** The URL or path for requests of a model. */
  readonly addressOf: (path: string, model: string) => string;
  readonly conversations: boolean;
  /** Whether this is OpenAI's own service, which is stricter than compatible servers. */
  readonly official: boolean;
  /** The idle timeout of a call that sets none. Without streaming no data arrives before the whole response, so it is longer. */
  idleTimeoutMs(stream: boolean, silenceMs: number | undefined): number;
}

const OPENAI_HOST = 'api.openai.com';
/** Azure's hosts. They take a key as `api-key`; a bearer token there is one of Entra ID. */
const AZURE_HOST = /\.azure\.com$/;

/** Configures the `openai` package. Its retries and logs are off: Temporal retries, and Perdure logs. */
export function connect({ fetch = unhurriedFetch, ...endpoint }: ProviderEndpoint): Connection {
  const { provider, baseUrl, apiKey, query, secrets = [], addressSetting = 'OPENAI_BASE_URL' } = endpoint;
  const headers = headersOf(endpoint);
  const api = new OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL: baseUrl ?? `https://${OPENAI_HOST}/v1`,
    maxRetries: 0,
    // `callProvider` enforces the timeout; the package's own must not fire first.
    timeout: LIMITS.runMs.value * 10,
    logLevel: 'off',
    // Servers without authentication do not get the organisation's id.
    ...(apiKey === null ? { organization: null, project: null } : {}),
    ...(headers === undefined ? {} : { defaultHeaders: headers }),
    ...(query === undefined ? {} : { defaultQuery: { ...query } }),
    fetch: wrapErrors(fetch),
  });
  return {
    provider,
    secrets: [...(apiKey === null ? [] : [apiKey]), ...secrets.flatMap((value) => [value, withoutScheme(value)])],
    api,
    addressSetting,
    addressOf: (path, model) =>
      baseUrl?.includes('{model}') ? absoluteUrl(baseUrl.replaceAll('{model}', encodeURIComponent(model)), path) : path,
    conversations: endpoint.conversations ?? false,
    official: URL.parse(api.baseURL)?.hostname === OPENAI_HOST,
    idleTimeoutMs: (stream, silenceMs) => silenceMs ?? LIMITS[stream ? 'modelSilenceMs' : 'runMs'].value,
  };
}

/** Null removes a header that the `openai` package sets. */
function headersOf({ baseUrl, apiKey, headers }: ProviderEndpoint): Record<string, string | null> | undefined {
  const isAzure = AZURE_HOST.test(URL.parse(baseUrl ?? '')?.hostname ?? '');
  if (isAzure && apiKey !== null) return { authorization: null, 'api-key': apiKey, ...headers };
  if (headers === undefined) return undefined;
  return { ...(apiKey === null ? { authorization: null } : {}), ...headers };
}

function absoluteUrl(base: string, path: string): string {
  return `${base.replace(/\/+$/, '')}${path}`;
}

/** `Bearer abc` without its first word. */
function withoutScheme(value: string): string {
  return value.replace(/^\w+ /, '');
}
