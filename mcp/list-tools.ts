import type { Client } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { Json } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';
import { readDefinition, type LeftOutTool, type McpToolDefinition } from '../core/mcp/read-definition.ts';
import { McpError } from './mcp-error.ts';

/** What an MCP server lists. */
export interface ListedTools {
  readonly tools: readonly McpToolDefinition[];
  /** Those that no run can have. */
  readonly leftOut: readonly LeftOutTool[];
}

/** Not the SDK's schema, which would refuse a page for one element. */
const pageSchema = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().nullish() });

/** Lists the tools of a server that is connected. Throws an {@link McpError} for a list without an end. */
export async function listTools(
  client: Client,
  name: string,
  options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly redact: <Value>(value: Value) => Value;
  },
): Promise<ListedTools> {
  if (client.getServerCapabilities()?.tools === undefined) return { tools: [], leftOut: [] };
  const { timeoutMs: timeout, signal, redact } = options;
  const listed: Json[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page++) {
    const request = { method: 'tools/list', ...(cursor === undefined ? {} : { params: { cursor } }) };
    const { tools, nextCursor } = await client.request(request, pageSchema, { timeout, signal });
    listed.push(...(tools as Json[]));
    if (nextCursor == null || nextCursor === '' || nextCursor === cursor) break;
    if (page >= LIMITS.mcpListPages.value || listed.length > LIMITS.mcpListedTools.value) {
      const limits = `${LIMITS.mcpListPages.value} pages and ${LIMITS.mcpListedTools.value} tools`;
      throw new McpError(
        `The list of tools of the MCP server ${JSON.stringify(name)} does not end; the limit is ${limits}.`,
      );
    }
    cursor = nextCursor;
  }
  if (listed.length > LIMITS.mcpListedTools.value) {
    const limit = LIMITS.mcpListedTools.value;
    throw new McpError(`The MCP server ${JSON.stringify(name)} lists ${listed.length} tools; the limit is ${limit}.`);
  }
  return read(redact(listed));
}

function read(listed: readonly Json[]): ListedTools {
  const tools = new Map<string, McpToolDefinition>();
  const leftOut: LeftOutTool[] = [];
  for (const given of listed) {
    const definition = readDefinition(given);
    if ('reason' in definition) leftOut.push(definition);
    else if (tools.has(definition.name)) leftOut.push({ name: definition.name, reason: 'is listed twice' });
    else tools.set(definition.name, definition);
  }
  return { tools: [...tools.values()], leftOut };
}
