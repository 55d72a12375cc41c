import { StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { LIMITS } from '../contracts/limits.ts';
import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { httpFetch, tooLarge } from './http-fetch.ts';
import { McpError } from './mcp-error.ts';
import type { ResolvedServer } from './resolve-settings.ts';
import { StdioTransport } from './stdio-transport.ts';

/** A transport that is not started yet. */
export interface OpenTransport {
  readonly transport: Transport;
  /** Why a process has ended; null for one that is running, and over HTTP. */
  exit(): string | null;
  /** What the server has done that has ended the connection; null for nothing. */
  problem(): McpError | null;
  /** The end of what a process has written to its standard error. */
  errors(): string;
  /** Ends the session, and the process. Never rejects. */
  close(): Promise<void>;
}

/** How long the end of a session over HTTP may take. */
const END_MS = 1_000;

/** `questionsMs`: how long the server may wait for the user during a call, besides the timeout. */
export function openTransport(
  name: string,
  settings: McpServerSettings,
  resolved: ResolvedServer,
  questionsMs = 0,
): OpenTransport {
  if (settings.url === undefined) return stdio(name, settings, resolved);
  const callMs = (settings.timeoutMs ?? LIMITS.toolMs.value) + questionsMs;
  return http(name, { ...settings, timeoutMs: callMs }, new URL(settings.url), resolved);
}

function stdio(name: string, settings: McpServerSettings, { env }: ResolvedServer): OpenTransport {
  const transport = new StdioTransport(settings, env);
  return {
    transport,
    exit: () => transport.exit,
    problem: () => (transport.isTooLarge ? new McpError(tooLarge(name)) : null),
    errors: () => transport.errors,
    close: async () => await transport.close().catch(() => {}),
  };
}

function http(name: string, settings: McpServerSettings, url: URL, { headers }: ResolvedServer): OpenTransport {
  const { timeoutMs = LIMITS.toolMs.value } = settings;
  let problem: McpError | null = null;
  const { fetch, agent } = httpFetch(name, settings, timeoutMs, (found) => (problem = found));
  const transport = new StreamableHTTPClientTransport(url, { fetch, requestInit: { headers } });
  return {
    transport,
    exit: () => null,
    problem: () => problem,
    errors: () => '',
    async close() {
      const { promise: timeout, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, END_MS);
      await Promise.race([transport.terminateSession().catch(() => {}), timeout]);
      clearTimeout(timer);
      await transport.close().catch(() => {});
      await agent.destroy().catch(() => {});
    },
  };
}
