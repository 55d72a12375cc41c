import { ToolError } from '../../agents/define-tool.ts';
import type { ProviderDefinition } from '../../agents/context/context-provider.ts';
import type { ToolSpec } from '../../contracts/agent.ts';
import type { Contribution } from '../../contracts/capabilities/context-provider.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { McpServerSettings } from '../../contracts/mcp/mcp-server.ts';
import { mcpProviderName, questionsMsOf, type McpUse } from '../../contracts/mcp/mcp-tools.ts';
import { providersListed } from '../../contracts/session/history.ts';
import { nameTools } from '../../core/mcp/name-tools.ts';
import type { LeftOutTool, McpToolDefinition } from '../../core/mcp/read-definition.ts';
import { contributionsIn, readContextCalls } from '../../store/context/read-context-calls.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ListedProvider } from '../shared/listed-providers.ts';
import { mcpSettings } from '../shared/tool-code.ts';
import { toolJson } from '../tools/tool-json.ts';
import type { ContextRun } from './context-run.ts';

/** Attempts whose worker was lost. A server that cannot be used is not tried again in the same run. */
const MAX_ATTEMPTS = 3;
/** The most tools that are recorded as left out. */
const MAX_LEFT_OUT = 20;
/** Connecting and listing have a timeout each. */
const STEPS = 2;

/** The MCP servers of an agent as what adds tools to a run: after its context providers, in the order in which it lists them. */
export function mcpContributors(deps: ActivityDeps, run: ContextRun): ListedProvider[] {
  const { spec } = run.agent;
  const first = providersListed(spec).length;
  return (spec.mcp ?? []).map((use, at) => {
    const server = JSON.stringify(use.server);
    return {
      definition: definitionOf(deps, run, use),
      options: null,
      position: first + at,
      mcp: {
        contribute: async (signal) => await contribute(deps, run, use, signal),
        whenSkipped: {
          instructions: `The tools of the MCP server ${server} are not available now: the server could not be used.`,
        },
        failure: `The tools of the MCP server ${server} could not be listed. The run's record contains the error. \`perdure doctor\` checks the server; with \`onError: skip\`, runs continue without its tools.`,
      },
    };
  });
}

function definitionOf(deps: ActivityDeps, run: ContextRun, { server, onError = 'skip' }: McpUse): ProviderDefinition {
  const { connectTimeoutMs = LIMITS.mcpConnectMs.value } = settingsOrNull(deps, run, server) ?? {};
  return {
    name: mcpProviderName(server),
    optionsSchema: null,
    stateSchema: null,
    stateVersion: 1,
    migrateState: null,
    tools: [],
    timeoutMs: STEPS * connectTimeoutMs + 1_000,
    maxAttempts: MAX_ATTEMPTS,
    onError,
    checkOptions: null,
    beforeRun: null,
    afterRun: null,
  };
}

function settingsOrNull(deps: ActivityDeps, run: ContextRun, server: string): McpServerSettings | null {
  try {
    return mcpSettings(deps, run.agent, server);
  } catch {
    return null;
  }
}

async function contribute(
  deps: ActivityDeps,
  { key, runId, agent }: ContextRun,
  use: McpUse,
  signal: AbortSignal,
): Promise<Contribution | null> {
  const settings = mcpSettings(deps, agent, use.server);
  const listed = await deps.mcp.list(use.server, settings, signal, questionsMsOf(use)).catch((error: unknown) => {
    signal.throwIfAborted();
    // Another attempt would meet the same pause.
    throw new ToolError((error as Error).message, { cause: error });
  });
  const chosen = choose(listed.tools, listed.leftOut, use);
  const limit = LIMITS.mcpTools.value;
  if (chosen.tools.length > limit) {
    throw new ToolError(
      `The MCP server ${JSON.stringify(use.server)} has ${chosen.tools.length} tools; the limit is ${limit}. Choose those that are needed: { mcp: ${use.server}, only: [NAME, …] }.`,
    );
  }
  const others = contributionsIn(await readContextCalls(deps.db, key, runId));
  const taken = new Set([...agent.tools, ...others.flatMap(({ tools = [] }) => tools)].map(({ name }) => name));
  const names = nameTools(
    use.server,
    chosen.tools.map(({ name }) => name),
    taken,
  );
  const tools = chosen.tools.map((tool, at) => specOf(use, settings, tool, names[at] ?? tool.name));
  const leftOut = chosen.leftOut.slice(0, MAX_LEFT_OUT).map(({ name, reason }) => `${name}: ${reason}`);
  if (tools.length === 0 && leftOut.length === 0) return null;
  return bounded(use.server, { ...(tools.length > 0 ? { tools } : {}), ...(leftOut.length > 0 ? { leftOut } : {}) });
}

/** The tools that the agent uses, and those of them that it cannot have. */
function choose(
  tools: readonly McpToolDefinition[],
  leftOut: readonly LeftOutTool[],
  { only }: McpUse,
): { readonly tools: readonly McpToolDefinition[]; readonly leftOut: readonly LeftOutTool[] } {
  if (only === undefined) return { tools, leftOut };
  const known = new Set([...tools, ...leftOut].map(({ name }) => name));
  const absent = only.filter((name) => !known.has(name));
  return {
    tools: tools.filter(({ name }) => only.includes(name)),
    leftOut: [
      ...leftOut.filter(({ name }) => only.includes(name)),
      ...absent.map((name) => ({ name, reason: 'is not on the server' })),
    ],
  };
}

function specOf(
  { server, approval }: McpUse,
  { timeoutMs }: McpServerSettings,
  tool: McpToolDefinition,
  name: string,
): ToolSpec {
  const { description, parameters, hash, readOnly, destructive, idempotent } = tool;
  // By the protocol, a tool is destructive if its server says nothing about it.
  const mode = approval ?? (readOnly === true || destructive === false ? 'never' : 'always');
  return {
    name,
    description,
    parameters,
    idempotent: readOnly === true || idempotent === true,
    timeoutMs: timeoutMs ?? LIMITS.toolMs.value,
    retry: {},
    ...(mode === 'never' ? {} : { approval: mode }),
    mcp: {
      server,
      tool: tool.name,
      hash,
      ...(readOnly === null ? {} : { readOnly }),
      ...(destructive === null ? {} : { destructive }),
    },
  };
}

function bounded(server: string, contribution: Contribution): Contribution {
  const json = toolJson(contribution, LIMITS.contributionBytes.value);
  if ('value' in json) return json.value as Contribution;
  throw new ToolError(
    `The definitions of the tools of the MCP server ${JSON.stringify(server)} are ${json.problem} Choose those that are needed: { mcp: ${server}, only: [NAME, …] }.`,
  );
}
