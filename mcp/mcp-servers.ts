import type { CallToolResult } from '@modelcontextprotocol/client';
import { canonicalJson } from '../contracts/canonical-json.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { AskingConnections, type AskingCall } from './asking-connections.ts';
import type { ListedTools } from './list-tools.ts';
import type { McpCall, McpCallEnd } from './make-call.ts';
import type { McpServerInfo, ServerConnection } from './server-connection.ts';

/** How often unused connections are looked for. */
const IDLE_CHECK_MS = 60_000;

export interface McpServersOptions {
  /** Default: nothing is exported. */
  readonly telemetry?: Pick<Telemetry, 'metrics' | 'log'>;
  /** Where the variables that settings name are read. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The connections of a process to MCP servers: one for each server and its settings. */
export interface McpServers {
  /** The tools of a server. `questionsMs`: it may ask the user, and may have other tools then. Throws an `McpError`, or the signal's reason. */
  list(
    name: string,
    settings: McpServerSettings,
    signal: AbortSignal,
    questionsMs?: number | null,
  ): Promise<ListedTools>;
  info(name: string, settings: McpServerSettings, signal: AbortSignal): Promise<McpServerInfo>;
  /** Calls a tool of a server that may not ask the user. Throws an `McpError`, or the signal's reason. */
  call(name: string, settings: McpServerSettings, call: McpCall): Promise<CallToolResult>;
  /** Calls a tool of a server that may ask the user. Throws as `call`. */
  callAsking(name: string, settings: McpServerSettings, call: AskingCall): Promise<McpCallEnd>;
  /** The end of what the process of a server has written to its standard error. For operators: it may contain anything. */
  errors(name: string, settings: McpServerSettings): string;
  /** Closes the connections and ends the processes. */
  close(): Promise<void>;
}

/** Opens no connection, and loads no code for one, before a server is used. */
export function createMcpServers({
  telemetry = createTelemetry(),
  env = process.env,
}: McpServersOptions = {}): McpServers {
  const { log, metrics } = telemetry;
  const connections = new Map<string, ServerConnection>();
  /** Those of servers that may ask the user. */
  const asking = new Map<string, AskingConnections>();
  const connected = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  function onChange(server: string, isConnected: boolean): void {
    const count = (connected.get(server) ?? 0) + (isConnected ? 1 : -1);
    connected.set(server, count);
    metrics.mcpConnections.set({ server }, count);
    log.info(isConnected ? 'MCP server connected' : 'MCP server disconnected', { server });
  }

  function closeIdle(): void {
    for (const [key, connection] of connections) {
      if (connection.idleMs < LIMITS.mcpIdleMs.value) continue;
      connections.delete(key);
      void connection.close();
    }
    for (const [key, one] of asking) {
      one.closeIdle();
      if (one.idleMs < LIMITS.mcpIdleMs.value) continue;
      asking.delete(key);
      void one.close();
    }
  }

  async function connectionTo(name: string, settings: McpServerSettings): Promise<ServerConnection> {
    const { ServerConnection: Connection } = await import('./server-connection.ts');
    timer ??= setInterval(closeIdle, IDLE_CHECK_MS).unref();
    const key = keyOf(name, settings);
    const connection =
      connections.get(key) ?? new Connection(name, settings, { env, onChange: (is) => onChange(name, is) });
    connections.set(key, connection);
    return connection;
  }

  /** The connections over which the server may ask, with questions that wait as long as `questionsMs`. */
  async function askingTo(name: string, settings: McpServerSettings, questionsMs: number): Promise<AskingConnections> {
    const { ServerConnection: Connection } = await import('./server-connection.ts');
    timer ??= setInterval(closeIdle, IDLE_CHECK_MS).unref();
    const key = canonicalJson([name, settings, questionsMs]);
    const open = (): ServerConnection =>
      new Connection(name, settings, { env, onChange: (is) => onChange(name, is), questionsMs });
    const found = asking.get(key) ?? new AskingConnections(open);
    asking.set(key, found);
    return found;
  }

  async function listing(
    name: string,
    settings: McpServerSettings,
    questionsMs: number | null,
  ): Promise<ServerConnection> {
    return questionsMs === null
      ? await connectionTo(name, settings)
      : (await askingTo(name, settings, questionsMs)).shared;
  }

  async function counted(server: string, call: () => Promise<McpCallEnd>): Promise<McpCallEnd> {
    const count = (outcome: 'completed' | 'error' | 'asked' | 'failed'): void =>
      metrics.mcpCalls.add({ server, outcome });
    try {
      const end = await call();
      count('asks' in end ? 'asked' : end.result.isError === true ? 'error' : 'completed');
      return end;
    } catch (error) {
      count('failed');
      throw error;
    }
  }

  return {
    list: async (name, settings, signal, questionsMs = null) =>
      await (await listing(name, settings, questionsMs)).list(signal),
    info: async (name, settings, signal) => await (await connectionTo(name, settings)).info(signal),
    async call(name, settings, call) {
      const end = await counted(name, async () => await (await connectionTo(name, settings)).call(call));
      if ('result' in end) return end.result;
      throw new Error('A server asked in a call that allows no questions.');
    },
    callAsking: async (name, settings, call) =>
      await counted(name, async () => await (await askingTo(name, settings, call.asking.waitMs)).call(call)),
    errors: (name, settings) => connections.get(keyOf(name, settings))?.errors ?? '',
    async close() {
      clearInterval(timer);
      const open = [...connections.values(), ...asking.values()];
      connections.clear();
      asking.clear();
      await Promise.all(open.map(async (connection) => await connection.close()));
    },
  };
}

function keyOf(name: string, settings: McpServerSettings): string {
  return canonicalJson([name, settings]);
}
