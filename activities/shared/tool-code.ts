import { z } from 'zod';
import type { Tool, ToolContext } from '../../agents/define-tool.ts';
import type { AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { McpServerSettings } from '../../contracts/mcp/mcp-server.ts';
import type { McpToolOrigin } from '../../contracts/mcp/mcp-tools.ts';
import { callResult } from '../../mcp/call-result.ts';
import { McpError } from '../../mcp/mcp-error.ts';
import type { McpCall, McpProgress } from '../../mcp/make-call.ts';
import type { ActivityDeps } from './deps.ts';

export type ToolCodeDeps = Pick<ActivityDeps, 'agents' | 'mcp' | 'deployment'>;

/** What executes a tool of a run; undefined if this worker has no code for it. A tool of an MCP server needs none. */
export function toolCode(deps: ToolCodeDeps, agent: AgentVersion, name: string): Tool | undefined {
  const spec = agent.tools.find((tool) => tool.name === name);
  if (!spec?.mcp) return deps.agents.tool(name, agent.hash);
  return mayUse(agent, spec.mcp) ? mcpTool(deps, agent, spec, spec.mcp) : undefined;
}

/** Whether the agent lists the tool: the tools of a run may be from an imported session. */
function mayUse({ spec }: AgentVersion, { server, tool }: McpToolOrigin): boolean {
  const use = spec.mcp?.find((one) => one.server === server);
  return use !== undefined && (use.only?.includes(tool) ?? true);
}

/** The settings of an MCP server of an agent: its own, or the deployment's. */
export function mcpSettings(
  { deployment }: Pick<ActivityDeps, 'deployment'>,
  { spec }: Pick<AgentVersion, 'spec'>,
  server: string,
): McpServerSettings {
  const settings = spec.mcpServers?.[server] ?? deployment.mcpServers?.[server];
  if (settings) return settings;
  throw new McpError(
    `There is no MCP server ${JSON.stringify(server)}. Set mcpServers.${server} in the agent or in the deployment file.`,
  );
}

/** The server checks the arguments. They are an object, as the schema of every such tool says. */
const argumentsSchema = z.record(z.string(), z.unknown());

function mcpTool(deps: ToolCodeDeps, agent: AgentVersion, spec: ToolSpec, { server, tool }: McpToolOrigin): Tool {
  return {
    name: spec.name,
    description: spec.description,
    parameters: argumentsSchema,
    jsonSchema: spec.parameters,
    idempotent: spec.idempotent,
    timeoutMs: spec.timeoutMs,
    retry: spec.retry,
    namespace: spec.name,
    stateSchema: null,
    async execute(args, context) {
      const { settings, call } = mcpCall(deps, agent, spec, args as JsonObject, context);
      return callResult(tool, await deps.mcp.call(server, settings, call));
    },
  };
}

/** A call of the tool of an MCP server, and the server's settings. Throws an `McpError` for a server that has none. */
export function mcpCall(
  deps: Pick<ActivityDeps, 'deployment'>,
  agent: AgentVersion,
  { mcp, parameters, timeoutMs }: ToolSpec,
  args: JsonObject,
  { signal, progress }: Pick<ToolContext, 'signal' | 'progress'>,
): { readonly settings: McpServerSettings; readonly call: McpCall } {
  const { server = '', tool = '' } = mcp ?? {};
  const onProgress = throttled((reported) => progress({ ...reported }));
  const given = { tool, arguments: args, parameters: parameters as JsonObject, timeoutMs, signal, onProgress };
  return { settings: mcpSettings(deps, agent, server), call: given };
}

/** The most characters of the message of a progress report. */
const MESSAGE_CHARACTERS = 1_000;

/** Drops reports that come too soon after the last one: a server may send thousands a second. */
function throttled(report: (progress: { readonly [key: string]: number | string }) => void) {
  let next = 0;
  return ({ progress, total, message }: McpProgress): void => {
    const now = performance.now();
    if (now < next) return;
    next = now + LIMITS.mcpProgressMs.value;
    report({
      progress,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message: message.slice(0, MESSAGE_CHARACTERS) }),
    });
  };
}
