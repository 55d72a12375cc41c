import type { McpServerSettings } from '../contracts/mcp/mcp-server.ts';
import { McpError } from './mcp-error.ts';

/** The settings of a server with the values of its environment variables. */
export interface ResolvedServer {
  readonly headers: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The values that must not be recorded anywhere. */
  readonly secrets: readonly string[];
}

/** Reads the environment variables that the settings of a server name. Throws an {@link McpError} that lists those that are not set. */
export function resolveSettings(
  name: string,
  { headers = {}, env: variables = {} }: McpServerSettings,
  env: NodeJS.ProcessEnv,
): ResolvedServer {
  const secrets = new Set<string>();
  const missing = new Set<string>();
  const resolve = (values: Readonly<Record<string, string | { readonly env: string }>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([key, value]) => {
        if (typeof value === 'string') return [[key, value]];
        const found = env[value.env];
        if (!found) {
          missing.add(value.env);
          return [];
        }
        secrets.add(found);
        return [[key, found]];
      }),
    );
  const resolved = { headers: resolve(headers), env: resolve(variables) };
  if (missing.size > 0) {
    throw new McpError(
      `The MCP server ${JSON.stringify(name)} needs ${[...missing].join(' and ')}, which is not set. Set it in the environment of the workers.`,
    );
  }
  return { ...resolved, secrets: [...secrets] };
}
