import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { isCode } from './agent-files.ts';

/** Returns one line about a reload: the agents with a new version (with the first digits of its hash), added and removed ones. */
export function describeReload(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  changed: readonly string[],
): string {
  const names = [...after.keys()];
  const reloaded = names.filter((name) => before.has(name) && before.get(name) !== after.get(name));
  const parts = [
    listed(
      'reloaded',
      reloaded.map((name) => `${name} (${after.get(name)?.slice(0, 8)})`),
    ),
    listed(
      'added',
      names.filter((name) => !before.has(name)),
    ),
    listed(
      'removed',
      [...before.keys()].filter((name) => !after.has(name)),
    ),
  ].filter((part) => part !== null);
  if (parts.length > 0) return `agents: ${parts.join(', ')}`;
  return `agents: ${listed('reloaded the code of', changed.filter(isCode)) ?? 'reloaded, no agent changed'}`;
}

/** The hash of each agent's current version, by the agent's name. */
export function versionsOf(agents: AgentRegistry): ReadonlyMap<string, string> {
  return new Map(agents.list().map(({ name }) => [name, agents.agent(name)?.hash ?? '']));
}

function listed(verb: string, names: readonly string[]): string | null {
  return names.length === 0 ? null : `${verb} ${names.join(', ')}`;
}
