import { nameOfAgentTool, type AgentTool } from '../contracts/capabilities/agent-tool.ts';
import { toolNameOf, type ToolRef } from '../contracts/approvals/approval-settings.ts';
import type { AgentSpec, AgentTemplate } from '../contracts/agent.ts';
import type { McpToolsRef, McpUse } from '../contracts/mcp/mcp-tools.ts';

/** An entry of `tools` in a template. */
type TemplateTool = ToolRef | AgentTool | McpToolsRef;

export function isMcp(ref: TemplateTool): ref is McpToolsRef {
  return typeof ref === 'object' && 'mcp' in ref;
}

export function isAgentTool(tool: TemplateTool): tool is AgentTool {
  return typeof tool === 'object' && 'agent' in tool;
}

/** The name of a tool; null for the tools of an MCP server, which are not known before a run. */
export function nameOfTool(tool: TemplateTool): string | null {
  if (isMcp(tool)) return null;
  return isAgentTool(tool) ? nameOfAgentTool(tool) : toolNameOf(tool);
}

/** The MCP servers in `tools`, then those in `mcp`, which a spec has. */
export function mcpUses({ tools = [], mcp = [] }: Pick<AgentTemplate, 'tools' | 'mcp'>): readonly McpUse[] {
  return [
    ...tools.filter((tool) => isMcp(tool)).map(({ mcp: server, ...choices }) => ({ server, ...choices })),
    ...mcp,
  ];
}

/**
 * The spec of a template: its first model, and the others as fallbacks; the names of its tools, what is set for those that are agents,
 * and its MCP servers. One model gives the same spec as a list of one.
 */
export function specOf({ model, tools, agentTools = [], ...template }: AgentTemplate): AgentSpec {
  const servers = mcpUses({ tools, mcp: template.mcp });
  const agents = [...agentTools, ...(tools ?? []).filter((tool) => isAgentTool(tool))];
  const [first, ...rest] = typeof model === 'string' ? [model] : (model ?? []);
  const listed = (tools ?? []).flatMap((tool) =>
    isMcp(tool) ? [] : [isAgentTool(tool) ? nameOfAgentTool(tool) : tool],
  );
  return {
    ...template,
    ...(tools === undefined ? {} : { tools: listed }),
    ...(agents.length > 0 ? { agentTools: agents } : {}),
    ...(servers.length > 0 ? { mcp: [...servers] } : {}),
    ...(first === undefined ? {} : { model: first }),
    ...(rest.length > 0 ? { fallbackModels: rest } : {}),
  };
}
