import type { CommandDeps } from '../shared/command-deps.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure agents`: the agents that can be talked to. */
export async function agents(deps: CommandDeps): Promise<void> {
  const page = await deps.client.agents();
  if (deps.json) return deps.printJson(page);
  const rows = page.data.map((agent) => [
    agent.name,
    agent.model ?? 'default model',
    agent.tools?.join(', ') ?? 'no tools',
    agent.description ?? '',
  ]);
  for (const line of formatTable([['AGENT', 'MODEL', 'TOOLS', 'WHAT IT DOES'], ...rows])) deps.print(line);
}
