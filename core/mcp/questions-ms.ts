import type { AgentSpec, ToolSpec } from '../../contracts/agent.ts';
import { questionsMsOf } from '../../contracts/mcp/mcp-tools.ts';

/** How long the questions may wait that the MCP server of a tool asks over an open call, in ms; null for a tool whose server may ask nothing. */
export function questionsMs({ mcp = [] }: Pick<AgentSpec, 'mcp'>, tool: Pick<ToolSpec, 'mcp'>): number | null {
  const use = tool.mcp && mcp.find(({ server }) => server === tool.mcp?.server);
  return use ? questionsMsOf(use) : null;
}
