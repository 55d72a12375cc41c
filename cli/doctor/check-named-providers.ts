import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { modelsOf } from '../../contracts/agent-models.ts';
import { namedProviders, type NamedProvider } from '../../models/directory/named-provider.ts';
import { BUILT_IN_PROVIDERS } from '../../models/directory/model-directory.ts';
import { probeProvider } from '../../models/directory/probe-provider.ts';
import { readSettings } from '../services/settings.ts';
import type { Finding } from './finding.ts';
import { readProviders } from './read-providers.ts';

/**
 * Checks each provider with an address in the deployment file: that its variables are set, that it is reachable and takes the
 * key, and that it lists the models that agents name. Also checks that the provider of each such model exists. Makes no model
 * call. Files that cannot be read are problems of other checks.
 */
export async function checkNamedProviders(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const settings = await readProviders(env).catch(() => null);
  if (settings === null) return [];
  const providers = namedProviders(settings);
  const named = await readAgentModels(env).catch(() => []);
  const findings = await Promise.all(providers.map(([name, provider]) => checkProvider(name, provider, named, env)));
  return [...findings, ...unknownProviders(named, [...BUILT_IN_PROVIDERS, ...providers.map(([name]) => name)])];
}

/** The models of agents whose provider does not exist. A second model would otherwise be found missing when it is needed. */
function unknownProviders(named: readonly string[], known: readonly string[]): Finding[] {
  const unknown = named.filter((model) => !known.some((name) => model.startsWith(`${name}/`)));
  if (unknown.length === 0) return [];
  const found = `agents name ${unknown.join(', ')}, whose provider is unknown`;
  const remedy = `Correct the agents, or set providers.NAME.baseUrl in the deployment file. Providers are ${known.join(', ')}.`;
  return [{ check: 'Models of agents', state: 'problem', found, remedy }];
}

/** The models that agents name, as `provider/model`. */
async function readAgentModels(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const agents = await loadTemplates(readSettings(env).agentsDir, { env });
  return [...new Set(agents.list().flatMap((spec) => modelsOf(spec) ?? []))];
}

async function checkProvider(
  name: string,
  settings: NamedProvider,
  named: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Finding> {
  const check = `Provider ${name}`;
  // The origin only: a path may be a secret.
  const { origin } = new URL(settings.baseUrl.replaceAll('{model}', 'model'));
  const probe = await probeProvider(name, settings, env);
  switch (probe.kind) {
    case 'not-set': {
      const found = `${probe.variables.join(' and ')} not set, which the deployment file names`;
      return { check, state: 'problem', found, remedy: 'Set it for the workers, or correct the deployment file.' };
    }
    case 'unreachable': {
      const remedy = `Check providers.${name}.baseUrl and the network, and that the server is running.`;
      return { check, state: 'problem', found: `${origin} is unreachable`, remedy };
    }
    case 'refused': {
      const found = `${origin} returns HTTP ${probe.status}`;
      const isKey = probe.status === 401 || probe.status === 403;
      const remedy = isKey ? `Check its key (providers.${name}).` : `Check providers.${name}.baseUrl.`;
      return { check, state: 'problem', found, remedy };
    }
    case 'reachable':
      return reachable(
        check,
        origin,
        probe.models,
        named.filter((model) => model.startsWith(`${name}/`)),
      );
  }
}

function reachable(check: string, origin: string, listed: readonly string[] | null, named: readonly string[]): Finding {
  if (listed === null) {
    return { check, state: 'ok', found: `reachable at ${origin}; it does not list its models`, remedy: null };
  }
  const absent = named.filter((model) => !listed.includes(model.slice(model.indexOf('/') + 1)));
  if (absent.length === 0) return { check, state: 'ok', found: `reachable at ${origin}`, remedy: null };
  const found = `reachable at ${origin}, but it does not list ${absent.join(', ')}, which agents name`;
  return { check, state: 'note', found, remedy: `It lists ${listed.slice(0, 5).join(', ') || 'none'}.` };
}
