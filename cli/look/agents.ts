import type { Cli } from '../shared/cli.ts';
import { table } from '../render/show-text.ts';

/** `perdure agents`: the agents that can be talked to. */
export async function agents(cli: Cli): Promise<void> {
  const page = await cli.client.agents();
  if (cli.json) return cli.printJson(page);
  const rows = page.data.map((agent) => [
    agent.name,
    agent.model ?? 'default model',
    agent.tools?.join(', ') ?? 'no tools',
    agent.description ?? '',
  ]);
  for (const line of table([['AGENT', 'MODEL', 'TOOLS', 'WHAT IT DOES'], ...rows])) cli.print(line);
}
