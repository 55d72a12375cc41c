import { z } from 'zod';
import { budgetFactsSchema } from '../budget.ts';
import type { Json } from '../json.ts';
import { costFields } from '../usage.ts';

/** Status of a run. A `failed` or `cancelled` run can be resumed. */
export const runStatusSchema = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']);
export type RunStatus = z.infer<typeof runStatusSchema>;

/** Why a workflow stops a run. */
export type StopReason = 'cancelled' | 'interrupted' | 'session_ended';

/** Tokens of one or more model calls. Null means unknown, not zero. Cached tokens are part of the input, reasoning tokens part of the output. */
export const usageSchema = z.object({
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
  cachedTokens: z.number().int().nullable(),
  reasoningTokens: z.number().int().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

/** Why a model's reply ended. `other`: a reason unknown to Perdure. */
export const finishSchema = z.enum(['stop', 'tool_calls', 'length', 'refusal', 'cancelled', 'other']);
export type Finish = z.infer<typeof finishSchema>;

/** Status of a tool call. `unknown`: the call was started and its outcome was lost; it may have taken effect. */
export const toolStatusSchema = z.enum(['pending', 'running', 'completed', 'failed', 'unknown', 'cancelled']);
export type ToolStatus = z.infer<typeof toolStatusSchema>;

/** Why a run failed. `detail` never contains a message's content. `budget` is the exceeded budget, with `budget_exceeded`. */
export const runErrorSchema = z.object({
  code: z.string(),
  detail: z.string(),
  budget: budgetFactsSchema.optional(),
});
export type RunError = z.infer<typeof runErrorSchema>;

/** A tool call of a run. Times are ISO 8601 UTC. */
export const toolCallRecordSchema = z.object({
  callId: z.string(),
  tool: z.string(),
  step: z.number().int(),
  status: toolStatusSchema,
  arguments: z.json(),
  /** What the tool returned; null unless completed. */
  result: z.json().nullable(),
  error: z.string().nullable(),
  /** The same for every attempt of this call. */
  idempotencyKey: z.string(),
  /** Number of attempts started. */
  attempts: z.number().int(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
});
export type ToolCallRecord = z.infer<typeof toolCallRecordSchema>;

/** A step of a run. Times are ISO 8601 UTC. */
export const stepRecordSchema = z.object({
  step: z.number().int(),
  /** Number of attempts of the step's model call that were started. */
  attempts: z.number().int(),
  /** Whether the reply is committed. */
  committed: z.boolean(),
  model: z.string().nullable(),
  finish: finishSchema.nullable(),
  usage: usageSchema.nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  /** From the request to the first delta; null without deltas. */
  firstTokenMs: z.number().nullable(),
});
export type StepRecord = z.infer<typeof stepRecordSchema>;

/**
 * Outcome of a model call. `failed`: it returned no whole reply. `stopped`: cut short by a cancellation. `lost`: its
 * outcome was never reported.
 */
export const callOutcomeSchema = z.enum(['running', 'completed', 'failed', 'stopped', 'lost']);
export type CallOutcome = z.infer<typeof callOutcomeSchema>;

/** One attempt of a step's model call. */
export const modelCallRecordSchema = z.object({
  step: z.number().int(),
  attempt: z.number().int(),
  agent: z.string(),
  /** The requested model, `provider/model`. */
  model: z.string(),
  /** The model that replied, as named by the provider; null without a reply. */
  answeredBy: z.string().nullable(),
  outcome: callOutcomeSchema,
  /** The error code of a failed call; otherwise null. */
  errorCode: z.string().nullable(),
  /** When the attempt was claimed, before its context was read. */
  startedAt: z.string(),
  /** When its outcome was committed. */
  endedAt: z.string().nullable(),
  /** From the request to the first delta; null without deltas. */
  firstTokenMs: z.number().nullable(),
  /** From the request to the end of the reply; null when it was not reported. */
  durationMs: z.number().nullable(),
  usage: usageSchema,
  /** Null when the price or the tokens are unknown. */
  costUsd: z.number().nullable(),
  /** Source of the price; null without a price. */
  priceSource: z.string().nullable(),
  /** Date of the price, `YYYY-MM-DD`; null without one. */
  priceDate: z.string().nullable(),
  /** The worst case that was reserved before the call; null when no budget was in force. */
  reservedUsd: z.number().nullable(),
  reservedTokens: z.number().int().nullable(),
});
export type ModelCallRecord = z.infer<typeof modelCallRecordSchema>;

/** A run. Times are ISO 8601 UTC. */
export const runRecordSchema = z.object({
  id: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  /** Hash of the pinned agent version (`agentHash`); null before the run starts. */
  agentVersion: z.string().nullable(),
  /** `provider/model`; null before the run starts. */
  model: z.string().nullable(),
  messageIds: z.array(z.string()),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** Number of committed steps. */
  steps: z.number().int(),
  /** Tokens of committed replies. */
  usage: usageSchema,
  ...costFields,
  /** The final text; null unless completed. */
  output: z.string().nullable(),
  error: runErrorSchema.nullable(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** Response of `GET …/runs/{run}`. */
export const runDetailSchema = runRecordSchema.extend({
  stepList: z.array(stepRecordSchema),
  toolCalls: z.array(toolCallRecordSchema),
  /** Every attempt of every model call, by step and attempt. */
  modelCalls: z.array(modelCallRecordSchema),
});
export type RunDetail = z.infer<typeof runDetailSchema>;

/** A tool call as requested by a model. */
export interface ToolCallRequest {
  readonly callId: string;
  readonly tool: string;
  /** Parsed arguments, or the original text when it is not valid JSON. */
  readonly arguments: Json;
  /** Why the arguments could not be parsed, which becomes the call's error; null for valid JSON. */
  readonly malformed: string | null;
}

/** Usage with every count unknown. */
export const UNKNOWN_USAGE: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
};
