import type { AgentSpec, AgentVersion } from '../../contracts/agent.ts';
import { nameOfRef, optionsOfRef } from '../../contracts/capabilities/capability.ts';
import type { ContextPhase, ContextProgress, Contribution } from '../../contracts/capabilities/context-provider.ts';
import { providersListed } from '../../contracts/session/history.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { ProviderDefinition } from '../../agents/context/context-provider.ts';
import { retryWhereCodeExists } from './retry-where-code-exists.ts';

/** A provider as an agent lists it. */
export interface ListedProvider {
  readonly definition: ProviderDefinition;
  readonly options: JsonObject | null;
  /** Order among the agent's providers. */
  readonly position: number;
  /** Takes the place of `beforeRun` for an MCP server. */
  readonly mcp?: McpContributor;
}

/** What an MCP server adds to a run. */
export interface McpContributor {
  /** Null: nothing. Throws if the server's tools cannot be listed. */
  contribute(signal: AbortSignal): Promise<Contribution | null>;
  /** What is added instead if the run goes on without the server. */
  readonly whenSkipped: Contribution;
  /** The error of a run that fails. */
  readonly failure: string;
}

/** When providers are called: in a phase of the run, or in the background after it. */
export type CallTime = ContextPhase | 'background';

/** The providers of an agent that are called at a time. Throws a failure that retries elsewhere if this worker lacks the code of one. */
export function providersOf(
  agents: Pick<AgentRegistry, 'contextProvider'>,
  { spec, hash }: AgentVersion,
  time: CallTime,
): ListedProvider[] {
  return providersListed(spec).flatMap((ref, position) => {
    const name = nameOfRef(ref);
    const definition = agents.contextProvider?.(name, hash);
    if (!definition) throw retryWhereCodeExists(`context provider ${JSON.stringify(name)}`);
    const options = optionsOfRef(ref);
    return isCalled(definition, options, time) ? [{ definition, options, position }] : [];
  });
}

function isCalled(definition: ProviderDefinition, options: JsonObject | null, time: CallTime): boolean {
  const { beforeRun, afterRun, afterRunMode = 'wait', needsAfterRun, optionsSchema } = definition;
  if (time === 'before') return beforeRun !== null;
  if (afterRun === null || (afterRunMode === 'background') !== (time === 'background')) return false;
  return needsAfterRun?.(optionsSchema?.parse(options ?? {}) as JsonObject) ?? true;
}

/** The progress with which a run of this agent starts; undefined if it lists neither a context provider nor an MCP server. */
export function firstProgress(
  agents: Pick<AgentRegistry, 'contextProvider'>,
  agent: AgentVersion,
): ContextProgress | undefined {
  if (!hasContributions(agent.spec)) return undefined;
  const after = providersOf(agents, agent, 'after').length > 0;
  const before = providersOf(agents, agent, 'before').length > 0 || agent.spec.mcp !== undefined;
  const background = hasBackground(agents, agent) ? { background: true } : {};
  return { phase: before ? 'before' : 'steps', after, ...background };
}

/** Whether providers of an agent are called in the background after its runs. */
export function hasBackground(agents: Pick<AgentRegistry, 'contextProvider'>, agent: AgentVersion): boolean {
  return providersListed(agent.spec).length > 0 && providersOf(agents, agent, 'background').length > 0;
}

/** Whether the runs of an agent have more than what its version has: from context providers, or from MCP servers. */
export function hasContributions(spec: AgentSpec): boolean {
  return spec.mcp !== undefined || providersListed(spec).length > 0;
}
