import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { readAgentVersion } from '../../store/runs/agent-versions.ts';
import type { ActivityDeps } from './deps.ts';
import { leaveToOthers } from './other-workers.ts';

const kept = new WeakMap<object, Map<string, AgentVersion>>();

/** The agent as a run pinned it: the worker's own while it has not changed, the store's otherwise. Versions never change, so they are kept. */
export async function pinnedAgent({ db, agents }: ActivityDeps, hash: string): Promise<AgentVersion> {
  const versions = kept.get(db) ?? new Map<string, AgentVersion>();
  kept.set(db, versions);
  const known = versions.get(hash);
  if (known) return known;
  const own = agents.list().map(({ name }) => agents.agent(name));
  const version = own.find((agent) => agent?.hash === hash) ?? (await readAgentVersion(db, hash));
  if (!version) throw ApplicationFailure.nonRetryable(`The agent version ${hash} is not in the store.`, 'not_found');
  versions.set(hash, version);
  return version;
}

/** The version that a run beginning now pins. An agent that is missing here is looked for on other workers for a minute. */
export function currentAgent({ agents, models }: ActivityDeps, name: string): { hash: string; model: string } {
  const version = agents.agent(name);
  if (version) return { hash: version.hash, model: version.spec.model ?? models.defaultModel };
  throw leaveToOthers(`agent ${JSON.stringify(name)}`);
}
