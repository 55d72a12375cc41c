import type { AgentRegistry } from '../agents/agent-registry.ts';
import { loadTemplates, registerAgents } from '../agents/templates/load-templates.ts';
import { deploymentSchema, type Deployment } from '../contracts/deployment.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { joinProblems } from '../core/text/field-problem.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { HostOptions } from './host-options.ts';
import { openStoreOfHost, type HostStore } from './open-store-of-host.ts';
import { processTelemetry } from './process-telemetry.ts';

/** What a worker and a gateway run on. */
export interface Host extends HostStore {
  readonly agents: AgentRegistry;
  readonly deployment: Deployment;
  readonly telemetry: Telemetry;
}

/**
 * Loads the agents and opens the store; checks everything else first. `store` replaces the one that the options name.
 * @throws {TypeError} for options that are not valid.
 * @throws {TemplateError} for agents that are not valid.
 * @throws {DataFolderInUseError} when another process owns `dataDir`.
 */
export async function openHost(options: HostOptions, store?: HostStore): Promise<Host> {
  const deployment = checkDeployment(options.deployment ?? {});
  const agents = await agentsOf(options.agents);
  return {
    ...(store ?? (await openStoreOfHost(options))),
    agents,
    deployment,
    telemetry: processTelemetry(options.log),
  };
}

function checkDeployment(given: Deployment): Deployment {
  const parsed = deploymentSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema: deploymentSchema, input: given, mayQuote: true });
  throw new TypeError(`The option "deployment" is not valid: ${joinProblems(problems)}.`);
}

async function agentsOf(agents: HostOptions['agents']): Promise<AgentRegistry> {
  if (typeof agents === 'string') return loadTemplates(agents);
  if (Array.isArray(agents) && agents.length > 0) return registerAgents(agents);
  throw new TypeError('Give "agents": an array of at least one agent created by defineAgent, or the path of a folder.');
}
