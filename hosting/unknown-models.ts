import type { AgentRegistry } from '../agents/agent-registry.ts';
import { modelsOf } from '../contracts/agent-models.ts';
import type { ChosenModelDirectory } from '../models/directory/model-directory.ts';

/** Returns an error message if agents name models that the directory does not have; null otherwise. Every call to one would fail. */
export function unknownModels(
  agents: Pick<AgentRegistry, 'list'>,
  { providers, resolve }: Pick<ChosenModelDirectory, 'providers' | 'resolve'>,
): string | null {
  const problems = agents.list().flatMap((spec) => {
    const unknown = (modelsOf(spec) ?? []).filter((model) => !isKnown(resolve, model));
    return unknown.length === 0 ? [] : [`${JSON.stringify(spec.name)} (${unknown.join(', ')})`];
  });
  if (problems.length === 0) return null;
  return `Agents name unknown models: ${problems.join('; ')}. Write provider/model, with a provider of ${providers.join(', ')}, or set providers.NAME.baseUrl in the deployment file for one of your own.`;
}

function isKnown(resolve: ChosenModelDirectory['resolve'], model: string): boolean {
  try {
    resolve(model);
    return true;
  } catch {
    return false;
  }
}
