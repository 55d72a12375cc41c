import { z } from 'zod';
import type { ModelEnvironment } from './model-settings.ts';
import { namedEndpoint, type NamedProvider } from './named-provider.ts';
import { connect } from '../openai/provider-endpoint.ts';

const PROBE_TIMEOUT_MS = 5_000;
const listSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

/** What a provider of the deployment file answers to a request for its models. */
export type ProviderProbe =
  /** `models`: null if the provider does not list them, as many do not. */
  | { readonly kind: 'reachable'; readonly models: readonly string[] | null }
  | { readonly kind: 'not-set'; readonly variables: readonly string[] }
  /** It refuses the credentials, or fails. */
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unreachable' };

/** Requests the list of a provider's models with its key, headers and query. Makes no model call. Never throws. */
export async function probeProvider(
  name: string,
  settings: NamedProvider,
  env: ModelEnvironment,
): Promise<ProviderProbe> {
  const found = namedEndpoint(name, settings, env);
  if ('missing' in found) return { kind: 'not-set', variables: found.missing };
  // Azure lists the models beside the deployments: `…/openai/deployments/{model}` has them at `…/openai/models`.
  const base = settings.baseUrl.replace(/(?:\/deployments)?\/[^/]*\{model\}.*$/, '').replace(/\/+$/, '');
  const { api } = connect({ ...found.endpoint, fetch: globalThis.fetch });
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const response = await api.get(`${base}/models`, { signal }).asResponse();
    const list = listSchema.safeParse(await response.json().catch(() => null));
    return { kind: 'reachable', models: list.success ? list.data.data.map(({ id }) => id) : null };
  } catch (error) {
    const status = error instanceof Error && 'status' in error ? error.status : undefined;
    if (typeof status !== 'number') return { kind: 'unreachable' };
    return status === 404 || status === 405 ? { kind: 'reachable', models: null } : { kind: 'refused', status };
  }
}
