import type { CommandDeps } from '../shared/command-deps.ts';
import { oneLine } from '../render/one-line.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure agents`: lists the agents of the deployment. */
export async function agents(deps: CommandDeps): Promise<void> {
  const page = await deps.client.agents();
  if (deps.json) return deps.printJson(page);
  const rows = page.data.map((agent) => [
    agent.name,
    agent.model ?? 'default model',
    agent.tools?.join(', ') ?? 'no tools',
    oneLine(agent.description ?? ''),
  ]);
  for (const line of formatTable([['AGENT', 'MODEL', 'TOOLS', 'DESCRIPTION'], ...rows])) deps.print(line);
}
