import type { CallToolResult } from '@modelcontextprotocol/client';
import { canonicalJson } from '../contracts/canonical-json.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { ListedTools } from './list-tools.ts';
import type { McpCall, McpServerInfo, ServerConnection } from './server-connection.ts';

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
  /** The tools of a server. Throws an `McpError`, or the signal's reason. */
  list(name: string, settings: McpServerSettings, signal: AbortSignal): Promise<ListedTools>;
  info(name: string, settings: McpServerSettings, signal: AbortSignal): Promise<McpServerInfo>;
  /** Calls a tool. Throws an `McpError`, or the signal's reason. */
  call(name: string, settings: McpServerSettings, call: McpCall): Promise<CallToolResult>;
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

  return {
    list: async (name, settings, signal) => await (await connectionTo(name, settings)).list(signal),
    info: async (name, settings, signal) => await (await connectionTo(name, settings)).info(signal),
    async call(name, settings, call) {
      const connection = await connectionTo(name, settings);
      const count = (outcome: 'completed' | 'error' | 'failed'): void =>
        metrics.mcpCalls.add({ server: name, outcome });
      try {
        const result = await connection.call(call);
        count(result.isError === true ? 'error' : 'completed');
        return result;
      } catch (error) {
        count('failed');
        throw error;
      }
    },
    errors: (name, settings) => connections.get(keyOf(name, settings))?.errors ?? '',
    async close() {
      clearInterval(timer);
      const open = [...connections.values()];
      connections.clear();
      await Promise.all(open.map(async (connection) => await connection.close()));
    },
  };
}

function keyOf(name: string, settings: McpServerSettings): string {
  return canonicalJson([name, settings]);
}
