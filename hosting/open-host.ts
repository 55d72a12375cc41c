import type { AgentRegistry } from '../agents/agent-registry.ts';
import { loadTemplates, registerAgents } from '../agents/templates/load-templates.ts';
import { deploymentSchema, type Deployment } from '../contracts/deployment.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { joinProblems } from '../core/text/field-problem.ts';
import type { Memories } from '../memory/create-memories.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { HostOptions } from './host-options.ts';
import type { HostStore } from './open-host-store.ts';
import { openMemories } from './open-memories.ts';
import { openSharedStore } from './open-shared-store.ts';
import { sharedTelemetry } from './process-telemetry.ts';

/** The dependencies that a worker and a gateway share. */
export interface HostDeps extends Omit<HostStore, 'close'> {
  readonly agents: AgentRegistry;
  readonly deployment: Deployment;
  readonly telemetry: Telemetry;
  readonly memories: Memories;
}

/** {@link HostDeps} whose store is closed with `close`. */
export interface Host extends HostDeps, HostStore {}

/**
 * Loads the agents, validates the deployment and then opens the store.
 * @throws {TypeError} for invalid options.
 * @throws {TemplateError} for invalid agents.
 * @throws {DataFolderInUseError} when another process owns `dataDir`.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const loaded = await loadHostOptions(options);
  const { attachments, redis } = loaded.deployment;
  const store = await openSharedStore({ ...options, attachments, redis, telemetry: loaded.telemetry });
  try {
    return { ...loaded, ...store, memories: openMemories(store.db, loaded.deployment, loaded.telemetry) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Everything of {@link openHost} except the store and what needs it. */
export async function loadHostOptions({
  agents,
  deployment = {},
  log,
}: Pick<HostOptions, 'agents' | 'deployment' | 'log'>): Promise<Omit<HostDeps, keyof HostStore | 'memories'>> {
  const validated = validateDeployment(deployment);
  return { agents: await registryOf(agents), deployment: validated, telemetry: sharedTelemetry(log) };
}

function validateDeployment(input: Deployment): Deployment {
  const parsed = deploymentSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema: deploymentSchema, input, mayQuote: true });
  throw new TypeError(`The option "deployment" is invalid: ${joinProblems(problems)}.`);
}

async function registryOf(agents: HostOptions['agents']): Promise<AgentRegistry> {
  if (typeof agents === 'string') return loadTemplates(agents);
  if (Array.isArray(agents) && agents.length > 0) return registerAgents(agents);
  throw new TypeError(
    'The option "agents" is missing or empty. Set it to an array of agents created by defineAgent, or to the path of a folder.',
  );
}
