import type { ProviderSettings } from '../../contracts/provider.ts';
import { ModelError, type ModelClient } from '../model-client.ts';
import { createOpenAIChatClient } from '../openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../openai/openai-responses.ts';
import type { ProviderEndpoint } from '../openai/provider-endpoint.ts';
import type { ModelEnvironment } from './model-settings.ts';

/** A provider of the deployment file, with its address. */
export type NamedProvider = ProviderSettings & { readonly baseUrl: string };

/** The providers of the deployment file that have an address, by name. The others are limits of built-in ones. */
export function namedProviders(
  providers: Readonly<Record<string, ProviderSettings>> = {},
): readonly (readonly [string, NamedProvider])[] {
  return Object.entries(providers).flatMap(([name, { baseUrl, ...settings }]) =>
    baseUrl === undefined ? [] : [[name, { ...settings, baseUrl }] as const],
  );
}

/** The address and credentials of a named provider, or the environment variables that it requires and that are not set. */
export function namedEndpoint(
  provider: string,
  { baseUrl, apiKeyEnv, headers = {}, query, conversations }: NamedProvider,
  env: ModelEnvironment,
): { readonly endpoint: ProviderEndpoint } | { readonly missing: readonly string[] } {
  const missing = new Set<string>();
  const read = (variable: string): string => {
    const value = env[variable]?.trim() ?? '';
    if (value === '') missing.add(variable);
    return value;
  };
  const apiKey = apiKeyEnv === undefined ? null : read(apiKeyEnv);
  const values = Object.entries(headers).map(([name, value]) => {
    const isSecret = typeof value === 'object' || /auth|key|token|secret/i.test(name);
    return { name, isSecret, value: typeof value === 'string' ? value : read(value.env) };
  });
  if (missing.size > 0) return { missing: [...missing] };
  const endpoint = {
    provider,
    baseUrl,
    apiKey,
    headers: Object.fromEntries(values.map(({ name, value }) => [name, value])),
    secrets: values.filter(({ isSecret }) => isSecret).map(({ value }) => value),
    query,
    conversations,
    addressSetting: `providers.${provider}.baseUrl`,
  };
  return { endpoint };
}

/** A client of a named provider. If a required environment variable is not set, every call fails before it is sent. */
export function createNamedProvider(
  provider: string,
  settings: NamedProvider,
  env: ModelEnvironment,
  fetch: typeof globalThis.fetch | undefined,
): ModelClient {
  const found = namedEndpoint(provider, settings, env);
  if ('missing' in found) return { provider, generate: () => Promise.reject(notSet(provider, found.missing)) };
  const create = settings.api === 'responses' ? createOpenAIResponsesClient : createOpenAIChatClient;
  return create({ ...found.endpoint, fetch });
}

function notSet(provider: string, missing: readonly string[]): ModelError {
  return new ModelError(
    'authentication',
    `The provider ${provider} requires the environment variable ${missing.join(' and ')}, which is not set. Set it for the workers.`,
    { retryable: false, unsent: true },
  );
}
