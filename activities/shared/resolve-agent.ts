import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { readAgentVersion } from '../../store/runs/agent-versions.ts';
import type { ActivityDeps } from './deps.ts';
import { retryWhereCodeExists } from './retry-where-code-exists.ts';

/** Agent versions by hash, for each store. Versions are immutable. */
const cache = new WeakMap<object, Map<string, AgentVersion>>();

/** The agent version that a run has pinned: the worker's own if the hash is the same, else the store's. Throws `not_found`. */
export async function pinnedAgent({ db, agents }: ActivityDeps, hash: string): Promise<AgentVersion> {
  const versions = cache.get(db) ?? new Map<string, AgentVersion>();
  cache.set(db, versions);
  const cached = versions.get(hash);
  if (cached) return cached;
  const own = agents.list().map(({ name }) => agents.agent(name));
  const version = own.find((agent) => agent?.hash === hash) ?? (await readAgentVersion(db, hash));
  if (!version) throw ApplicationFailure.nonRetryable(`The agent version ${hash} is not in the store.`, 'not_found');
  versions.set(hash, version);
  return version;
}

/** The version that a run pins when it starts. Throws a failure that retries elsewhere if this worker does not have the agent. */
export function currentAgent({ agents, models }: ActivityDeps, name: string): { hash: string; model: string } {
  const version = agents.agent(name);
  if (version) return { hash: version.hash, model: version.spec.model ?? models.defaultModel };
  throw retryWhereCodeExists(`agent ${JSON.stringify(name)}`);
}
