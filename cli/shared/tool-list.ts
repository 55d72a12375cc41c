import type { AgentSpec } from '../../contracts/agent.ts';
import { toolNameOf } from '../../contracts/approvals/approval-settings.ts';

/** The tools of an agent for a table. Those of an MCP server are known in a run: `docs: all`, or the names that the agent has chosen. */
export function toolList({ tools = [], mcp = [] }: Pick<AgentSpec, 'tools' | 'mcp'>): string {
  const servers = mcp.map(({ server, only }) => `MCP ${server}: ${only?.join(' ') ?? 'all'}`);
  return [...tools.map(toolNameOf), ...servers].join(', ') || 'no tools';
}
