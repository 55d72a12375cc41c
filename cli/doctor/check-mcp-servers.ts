import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import type { McpServerSettings } from '../../contracts/mcp/mcp-server.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { createMcpServers, type McpServers } from '../../mcp/mcp-servers.ts';
import { formatCount } from '../render/format-count.ts';
import { oneLine } from '../render/one-line.ts';
import { readSettings } from '../services/settings.ts';
import type { Finding } from './finding.ts';

/** A server that agents use, or that the deployment file sets. */
interface Server {
  readonly name: string;
  /** Undefined: there is no such server. */
  readonly settings: McpServerSettings | undefined;
  readonly agents: string[];
}

/**
 * Connects to each MCP server of the agents and of the deployment file, as a worker does, and lists its tools. Files that cannot be read
 * are problems of other checks.
 */
export async function checkMcpServers(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const found = await readServers(env).catch(() => []);
  if (found.length === 0) return [];
  const mcp = createMcpServers({ env });
  try {
    return await Promise.all(found.map(async (server) => await checkServer(mcp, server)));
  } finally {
    await mcp.close();
  }
}

async function readServers(env: NodeJS.ProcessEnv): Promise<readonly Server[]> {
  const { agentsDir, deploymentFile, deploymentChosen } = readSettings(env);
  const { mcpServers = {} } = await loadDeployment(deploymentFile, { chosen: deploymentChosen });
  const agents = await loadTemplates(agentsDir, { env });
  const servers = new Map<string, Server>();
  const add = (name: string, settings: McpServerSettings | undefined, agent?: string): void => {
    const key = canonicalJson([name, settings ?? null]);
    const server = servers.get(key) ?? { name, settings, agents: [] };
    servers.set(key, server);
    if (agent !== undefined) server.agents.push(agent);
  };
  for (const [name, settings] of Object.entries(mcpServers)) add(name, settings);
  for (const spec of agents.list())
    for (const { server } of spec.mcp ?? []) add(server, spec.mcpServers?.[server] ?? mcpServers[server], spec.name);
  return [...servers.values()];
}

async function checkServer(mcp: McpServers, { name, settings, agents }: Server): Promise<Finding> {
  const check = `MCP server ${name}`;
  if (settings === undefined) {
    const remedy = `Set mcpServers.${name} in the agent or in the deployment file.`;
    return { check, state: 'problem', found: `is used by ${agents.join(', ')}, but does not exist`, remedy };
  }
  const { connectTimeoutMs = LIMITS.mcpConnectMs.value } = settings;
  const signal = AbortSignal.timeout(2 * connectTimeoutMs);
  const startedAt = performance.now();
  try {
    const { tools, leftOut } = await mcp.list(name, settings, signal);
    const ms = Math.round(performance.now() - startedAt);
    const { protocolVersion } = await mcp.info(name, settings, signal);
    const found = `${formatCount(tools.length, 'tool')}, protocol ${protocolVersion}, in ${ms} ms`;
    if (leftOut.length === 0) return { check, state: 'ok', found, remedy: null };
    const list = leftOut.map((tool) => `${oneLine(tool.name)} ${tool.reason}`).slice(0, 5);
    return { check, state: 'note', found, remedy: `Runs do not have: ${list.join('; ')}.` };
  } catch (error) {
    const lines = mcp.errors(name, settings).trim().split('\n');
    const line = oneLine((lines.find((one) => /error/i.test(one)) ?? lines.at(-1) ?? '').slice(0, 300));
    const written = line === '' ? '' : ` It has written to its standard error: ${line}`;
    return { check, state: 'problem', found: (error as Error).message, remedy: `${remedyFor(settings)}${written}` };
  }
}

function remedyFor({ url }: McpServerSettings): string {
  return url === undefined
    ? 'Start its command by hand, in the folder and with the variables of the workers.'
    : 'Check its URL, its headers and the network, and that the server is running.';
}
