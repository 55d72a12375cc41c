import { z } from 'zod';
import { approvalModeSchema } from '../approvals/approval-settings.ts';
import { LIMITS } from '../limits.ts';
import { mcpServerNameSchema } from './mcp-server.ts';

const DEFAULT_QUESTIONS_MS = 600_000;

const choices = {
  /** Names of the tools, as the server has them. Default: all of its tools. */
  only: z.array(z.string().min(1).max(128)).min(1).max(LIMITS.mcpTools.value).optional(),
  /** What happens to a run if the server's tools cannot be listed when it starts: it goes on without them, or fails. Default `skip`. */
  onError: z.enum(['skip', 'fail']).optional(),
  /** When calls need an approval. Default: `always` for the tools that may delete or overwrite something by the server's annotations, or without any. */
  approval: approvalModeSchema.optional(),
  /**
   * Whether the server may ask the user questions in the middle of a call (elicitation). They become calls of `ask_user`. `waitMs`: how long
   * the questions of one call may wait while the call is open, by the versions of the protocol up to 2025-11-25; default 600,000 ms. Default false.
   */
  elicitation: z
    .union([
      z.boolean(),
      z.strictObject({ waitMs: z.number().int().min(1_000).max(LIMITS.mcpQuestionMs.value).optional() }),
    ])
    .optional(),
};

/** The tools of an MCP server, as an agent lists them in `tools`. */
export const mcpToolsRefSchema = z.strictObject({ mcp: mcpServerNameSchema, ...choices });
export type McpToolsRef = z.infer<typeof mcpToolsRefSchema>;

/** The tools of an MCP server that an agent uses. */
export const mcpUseSchema = z.strictObject({ server: mcpServerNameSchema, ...choices });
export type McpUse = z.infer<typeof mcpUseSchema>;

/** What a tool of a run is on its MCP server. */
export interface McpToolOrigin {
  readonly server: string;
  /** The name that the server has given to the tool. */
  readonly tool: string;
  /** SHA-256 of the server's definition of the tool, in hexadecimal. */
  readonly hash: string;
  /** The server's own statement that the tool changes nothing (`readOnlyHint`). Absent: it makes none. */
  readonly readOnly?: boolean;
  /** The server's own statement that the tool may delete or overwrite something (`destructiveHint`). Absent: it makes none. */
  readonly destructive?: boolean;
}

/** How long the questions of one call may wait while the call is open, in ms; null if the server may ask nothing. */
export function questionsMsOf({ elicitation = false }: Pick<McpUse, 'elicitation'>): number | null {
  if (elicitation === false) return null;
  return (elicitation === true ? undefined : elicitation.waitMs) ?? DEFAULT_QUESTIONS_MS;
}

/** The name under which the tools of a server are recorded among the contributions to a run. No context provider has such a name. */
export function mcpProviderName(server: string): string {
  return `mcp:${server}`;
}
