import { z } from 'zod';
import { budgetFactsSchema } from '../budget.ts';
import type { Json } from '../json.ts';
import { costFields } from '../usage.ts';

export const runStatusSchema = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']);
export type RunStatus = z.infer<typeof runStatusSchema>;

/** Why a run was cancelled. */
export type StopReason = 'cancelled' | 'interrupted' | 'session_ended';

/** Tokens of one or more model calls. Null is unknown, never zero. */
export const usageSchema = z.object({
  inputTokens: z.number().int().nullable(),
  outputTokens: z.number().int().nullable(),
  cachedTokens: z.number().int().nullable(),
  reasoningTokens: z.number().int().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

/** Why a model call ended. `other` covers what a provider says that we do not know. */
export const finishSchema = z.enum(['stop', 'tool_calls', 'length', 'refusal', 'cancelled', 'other']);
export type Finish = z.infer<typeof finishSchema>;

export const toolStatusSchema = z.enum(['pending', 'running', 'completed', 'failed', 'unknown', 'cancelled']);
export type ToolStatus = z.infer<typeof toolStatusSchema>;

/** Why a run failed. `detail` never carries a message's content; `budget` says which budget it met, with `budget_exceeded`. */
export const runErrorSchema = z.object({
  code: z.string(),
  detail: z.string(),
  budget: budgetFactsSchema.optional(),
});
export type RunError = z.infer<typeof runErrorSchema>;

export const toolCallRecordSchema = z.object({
  callId: z.string(),
  tool: z.string(),
  step: z.number().int(),
  status: toolStatusSchema,
  arguments: z.json(),
  /** What the tool returned; null unless completed. */
  result: z.json().nullable(),
  error: z.string().nullable(),
  idempotencyKey: z.string(),
  /** Tries that were begun. */
  attempts: z.number().int(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
});
export type ToolCallRecord = z.infer<typeof toolCallRecordSchema>;

export const stepRecordSchema = z.object({
  step: z.number().int(),
  /** Tries of this step's model call that were begun. */
  attempts: z.number().int(),
  committed: z.boolean(),
  model: z.string().nullable(),
  finish: finishSchema.nullable(),
  usage: usageSchema.nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  /** From the request to the first delta; null without one. */
  firstTokenMs: z.number().nullable(),
});
export type StepRecord = z.infer<typeof stepRecordSchema>;

/**
 * What became of a model call. `failed`: no reply came. `stopped`: cut short by a cancel. `lost`: nobody said how it
 * ended, and another was made in its place.
 */
export const callOutcomeSchema = z.enum(['running', 'completed', 'failed', 'stopped', 'lost']);
export type CallOutcome = z.infer<typeof callOutcomeSchema>;

/** One attempt of a step's model call. */
export const modelCallRecordSchema = z.object({
  step: z.number().int(),
  attempt: z.number().int(),
  agent: z.string(),
  /** `provider/model`, as it was asked for. */
  model: z.string(),
  /** As the provider names the model that answered; null without an answer. */
  answeredBy: z.string().nullable(),
  outcome: callOutcomeSchema,
  /** Why it failed. */
  errorCode: z.string().nullable(),
  /** When it was claimed: the context is read after that. */
  startedAt: z.string(),
  /** When its outcome was committed. */
  endedAt: z.string().nullable(),
  /** From the request to the first delta; null without one. */
  firstTokenMs: z.number().nullable(),
  /** From the request to the end of the reply; null where nobody said. */
  durationMs: z.number().nullable(),
  usage: usageSchema,
  /** Null when the price or the tokens are not known. */
  costUsd: z.number().nullable(),
  /** Who says the price, and since when it is in force; null without a price. */
  priceSource: z.string().nullable(),
  priceDate: z.string().nullable(),
  /** The worst case that was set aside before the call; null where no budget was in force. */
  reservedUsd: z.number().nullable(),
  reservedTokens: z.number().int().nullable(),
});
export type ModelCallRecord = z.infer<typeof modelCallRecordSchema>;

export const runRecordSchema = z.object({
  id: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  /** Content hash of the pinned agent; null before the run starts. */
  agentVersion: z.string().nullable(),
  model: z.string().nullable(),
  messageIds: z.array(z.string()),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  steps: z.number().int(),
  usage: usageSchema,
  ...costFields,
  /** The final text; null until completed. */
  output: z.string().nullable(),
  error: runErrorSchema.nullable(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** `GET …/runs/{run}`. */
export const runDetailSchema = runRecordSchema.extend({
  stepList: z.array(stepRecordSchema),
  toolCalls: z.array(toolCallRecordSchema),
  /** Every attempt of every model call, in their order. */
  modelCalls: z.array(modelCallRecordSchema),
});
export type RunDetail = z.infer<typeof runDetailSchema>;

/** A tool call as a model asked for it. */
export interface ToolCallRequest {
  readonly callId: string;
  readonly tool: string;
  /** Parsed arguments, or what the model sent when that is not JSON. */
  readonly arguments: Json;
  /** Why the arguments could not be parsed; given back to the model as the call's error. */
  readonly malformed: string | null;
}

/** Nothing known of any count. */
export const UNKNOWN_USAGE: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
};
