import { z } from 'zod';
import type { ToolSpec } from '../agent.ts';

/** When a context provider is called: before the first model call of a run, or after its answer was committed. */
export const contextPhaseSchema = z.enum(['before', 'after']);
export type ContextPhase = z.infer<typeof contextPhaseSchema>;

/** How far the context providers of a run are. `before`: no model call may begin yet; `steps`: the contributions are stored; `after`: the answer is committed, and `afterRun` is being called. */
export const contextProgressSchema = z.object({
  phase: z.enum(['before', 'steps', 'after']),
  /** Whether a provider of the run has `afterRun` that its end waits for. */
  after: z.boolean(),
  /** Of a run that has completed: whether calls of `afterRun` in the background are missing. Before: whether there will be any. Absent: none. */
  background: z.boolean().optional(),
});
export type ContextProgress = z.infer<typeof contextProgressSchema>;

/** `skipped`: it failed, and the run continues without it (`onError: 'skip'`). `failed`: it failed, and so did the run. */
export const contextCallStatusSchema = z.enum(['running', 'completed', 'skipped', 'failed']);
export type ContextCallStatus = z.infer<typeof contextCallStatusSchema>;

/** A message that a context provider adds in front of those of the run. */
export interface ContributedMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** What a context provider adds to the model calls of one run. Stored with the run; each of its model calls gets the same. */
export interface Contribution {
  readonly instructions?: string;
  readonly messages?: readonly ContributedMessage[];
  /** As the run has pinned them. Their code belongs to the worker. */
  readonly tools?: readonly ToolSpec[];
  /** Tools of an MCP server that the run cannot have, each with the reason: `NAME: REASON`. */
  readonly leftOut?: readonly string[];
}

/** A stored contribution and the provider that it is from. */
export interface ProvidedContext extends Contribution {
  readonly provider: string;
}

/** One call of a context provider for a run, or one listing of an MCP server's tools. Times are ISO 8601 UTC. */
export const contextCallRecordSchema = z.object({
  /** The name of the provider, or `mcp:` and the name of the server. */
  provider: z.string(),
  phase: contextPhaseSchema,
  /** `cancelled`: the run ended during the call. */
  status: z.enum([...contextCallStatusSchema.options, 'cancelled']),
  /** Number of attempts started. */
  attempts: z.number().int(),
  /** What the last attempt threw; null unless it failed. */
  error: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  /** How much it added. Absent in the phase `after`. */
  contributed: z
    .object({
      instructionsCharacters: z.number().int(),
      messages: z.number().int(),
      tools: z.array(z.string()),
      /** Tools of an MCP server that the run does not have, each with the reason. Absent: none. */
      leftOut: z.array(z.string()).optional(),
    })
    .optional(),
});
export type ContextCallRecord = z.infer<typeof contextCallRecordSchema>;
