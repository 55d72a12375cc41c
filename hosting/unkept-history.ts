import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { ModelDirectory } from '../models/model-client.ts';

interface Models extends Pick<ModelDirectory, 'resolve'> {
  /** Null: not known. */
  readonly defaultModel: string | null;
}

/**
 * Returns an error message if agents set `history: service` and one of their models is of a provider that does not keep conversations; null
 * otherwise. Every model of a list must: any of them may be asked. A model that is not known is left to its call.
 */
export function unkeptHistory(agents: Pick<AgentRegistry, 'list'>, { defaultModel, resolve }: Models): string | null {
  const problems = agents.list().flatMap(({ name, history, model = defaultModel, fallbackModels = [] }) => {
    if (history !== 'service') return [];
    const unkept = [model, ...fallbackModels].filter((one) => one !== null && !mayKeep(resolve, one));
    return unkept.length === 0 ? [] : [`${JSON.stringify(name)} (${unkept.join(', ')})`];
  });
  if (problems.length === 0) return null;
  return `Agents set history: service, but the providers of their models have no Responses API, so they keep no conversations: ${problems.join('; ')}. Use models of openai-responses or of a provider with api: responses (providers.NAME.api), for each model of a list, or set history: true.`;
}

function mayKeep(resolve: Models['resolve'], model: string): boolean {
  try {
    return resolve(model).client.keepsConversations === true;
  } catch {
    return true;
  }
}
