import type { AgentPage } from '../../client/http/gateway-client.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { modelList } from './model-list.ts';
import { toolList } from '../shared/tool-list.ts';
import { oneLine } from '../render/one-line.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure agents`: lists the agents of the deployment. */
export async function agents(deps: CommandDeps): Promise<void> {
  const page = await deps.client.agents();
  if (deps.json) return deps.printJson(page);
  const rows = page.data.map((agent) => [
    agent.name,
    agent.model === undefined ? defaultOf(page) : modelList({ ...agent, model: agent.model }),
    toolList(agent),
    oneLine(agent.description ?? ''),
  ]);
  printTable(deps, [['AGENT', 'MODEL', 'TOOLS', 'DESCRIPTION'], ...rows]);
}

/** A gateway that runs without a worker may not have the setting. */
function defaultOf({ defaultModel }: AgentPage): string {
  return defaultModel == null ? "the workers' default" : `${defaultModel} (default)`;
}
