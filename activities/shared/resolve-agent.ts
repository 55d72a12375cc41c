import { ApplicationFailure } from '@temporalio/activity';
import { withContributedTools, type AgentVersion } from '../../contracts/agent.ts';
import type { ProvidedContext } from '../../contracts/capabilities/context-provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { contributionsIn, readContextCalls } from '../../store/context/read-context-calls.ts';
import { readAgentVersion } from '../../store/runs/agent-versions.ts';
import type { PinnedModels } from '../../store/steps/decide-step.ts';
import type { ActivityDeps } from './deps.ts';
import { firstProgress, hasContributions } from './listed-providers.ts';
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

/** An agent version with the tools that context providers and MCP servers have added to a run, and what else these add to its model calls. */
export interface RunAgent {
  readonly agent: AgentVersion;
  readonly contributions: readonly ProvidedContext[];
}

/** The agent of a run, for its model calls and tools. Reads the contributions of its context providers and MCP servers, if it lists any. */
export async function agentOfRun(
  { db }: Pick<ActivityDeps, 'db'>,
  key: SessionKey,
  runId: string,
  pinned: AgentVersion,
): Promise<RunAgent> {
  if (!hasContributions(pinned.spec)) return { agent: pinned, contributions: [] };
  const contributions = contributionsIn(await readContextCalls(db, key, runId));
  return { agent: withContributedTools(pinned, contributions), contributions };
}

/** The version that a run of a user pins when it starts: that of the agent's release, else the worker's. Throws a failure that retries elsewhere if this worker does not have the agent. */
export function currentAgent(
  { agents, models, releases }: Pick<ActivityDeps, 'agents' | 'models' | 'releases'>,
  name: string,
  user: string,
): PinnedModels & { hash: string } {
  const version = agents.agent(name) && (releases?.versionFor(name, user) ?? agents.agent(name));
  if (version) {
    const { model = models.defaultModel, fallbackModels } = version.spec;
    return { hash: version.hash, model, fallbackModels, context: firstProgress(agents, version) };
  }
  throw retryWhereCodeExists(`agent ${JSON.stringify(name)}`);
}
