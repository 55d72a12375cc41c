import { z } from 'zod';
import { jsonObjectSchema, jsonSchema } from '../json-schema.ts';
import { budgetFactsSchema } from '../budget.ts';
import { inboxItemSchema } from './inbox-item.ts';
import { contextCallRecordSchema } from '../capabilities/context-provider.ts';
import { runFamilyFields } from './run-family.ts';
import { runWaitSchema } from './run-wait.ts';
import type { Json } from '../json.ts';
import { costFields } from '../usage.ts';

/**
 * Status of a run. `waiting`: it has no work until somebody answers one of its tool calls. A `failed` or `cancelled` run can be
 * resumed.
 */
export const runStatusSchema = z.enum(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']);
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

/** Usage with every count unknown. */
export const UNKNOWN_USAGE: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
};

/** The known part of the usage of a run's or session's model calls. */
export const knownUsageFields = {
  /** Tokens that providers reported, of all model calls, failed ones included. A lower bound when `unmeteredCalls` is above 0. */
  knownUsage: usageSchema.default(UNKNOWN_USAGE),
  /** Number of model calls without reported tokens. */
  unmeteredCalls: z.number().int().default(0),
};

/** Why a model's reply ended. `other`: a reason unknown to Perdure. */
export const finishSchema = z.enum(['stop', 'tool_calls', 'length', 'refusal', 'cancelled', 'other']);
export type Finish = z.infer<typeof finishSchema>;

/**
 * Fields that a provider attached to a reply with tool calls, such as its reasoning and signatures. Some providers refuse
 * the next call of the conversation without them.
 */
export const providerFieldsSchema = z.object({
  /** Fields of the message, by their names on the wire. */
  message: jsonObjectSchema,
  /** Fields of each tool call, in the order of the calls. */
  calls: z.array(jsonObjectSchema),
});
export type ProviderFields = z.infer<typeof providerFieldsSchema>;

/** {@link ProviderFields} with the requested `provider/model`. No other model gets them. */
export const providerDataSchema = providerFieldsSchema.extend({ model: z.string() });
export type ProviderData = z.infer<typeof providerDataSchema>;

/** A conversation that the provider of a model keeps, as of one reply. Only that model continues it. */
export const providerConversationSchema = z.object({
  /** The requested model, `provider/model`. */
  model: z.string(),
  /** `response`: the id of a stored response, which the next call names as the previous one. `conversation`: the id of a conversation, to which the provider adds each call. */
  kind: z.enum(['response', 'conversation']),
  id: z.string(),
  /** Of a `conversation`: the last item of the reply; absent if unknown. */
  lastItem: z.string().optional(),
});
export type ProviderConversation = z.infer<typeof providerConversationSchema>;

/**
 * Why the context of a call was built from the local transcript, where the provider was to keep it. `lost`: the provider no
 * longer has the conversation. `too_large`: it has outgrown the model's context window. `other_model`: another model has it.
 * `unsettled`: it may contain what is not in the transcript. `not_kept`: none was kept.
 */
export const rebuildReasonSchema = z.enum(['lost', 'too_large', 'other_model', 'unsettled', 'not_kept']);
export type RebuildReason = z.infer<typeof rebuildReasonSchema>;

/**
 * Status of a tool call. `waiting`: it waits for an approval, or for the client that executes it. `unknown`: the call was started
 * and its outcome was lost; it may have taken effect.
 */
export const toolStatusSchema = z.enum([
  'pending',
  'running',
  'waiting',
  'completed',
  'failed',
  'unknown',
  'cancelled',
]);
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
  /** Of a call that a program makes: the `callId` of the program. Absent for a call of the model. */
  program: z.string().optional(),
  /** The MCP server that has executed it; absent for a tool of the worker. */
  server: z.string().optional(),
  step: z.number().int(),
  status: toolStatusSchema,
  /** With which the tool is called: after an approval, they may be edited. */
  arguments: jsonSchema,
  /** What the tool returned; null unless completed. */
  result: jsonSchema.nullable(),
  error: z.string().nullable(),
  /** The same for every attempt of this call. */
  idempotencyKey: z.string(),
  /** Number of attempts started. */
  attempts: z.number().int(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** The approval or the client call that it waits for, or has waited for, with the arguments as the model wrote them; absent for none. */
  item: inboxItemSchema.optional(),
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

/** What a model call that is no step of its run is for. `approval`: a model decides about a tool call. */
export const callKindSchema = z.enum(['summary', 'context', 'approval']);
export type CallKind = z.infer<typeof callKindSchema>;

/** One attempt of a step's model call, or a call that is no step. */
export const modelCallRecordSchema = z.object({
  /** Present for a call that is no step of the run, which then has the number 0. */
  kind: callKindSchema.optional(),
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
  /** When the next attempt follows a failed call; null when none follows, and where an older worker recorded the call. */
  retryAt: z.string().nullable().optional(),
  /** True for the last call of its step to this model: another one is asked next. */
  gaveUp: z.boolean().optional(),
  /** How the provider described the error; null if it did not, or if the reader is not an operator. May quote the conversation. */
  providerMessage: z.string().nullable(),
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
  /**
   * What is charged to budgets where the actual tokens or cost are unknown. Null while the call runs, when everything is
   * known, and when there is no estimate.
   */
  estimate: z
    .object({
      inputTokens: z.number().int().nullable(),
      outputTokens: z.number().int().nullable(),
      costUsd: z.number().nullable(),
    })
    .nullable()
    .default(null),
});
export type ModelCallRecord = z.infer<typeof modelCallRecordSchema>;

/** A run. Times are ISO 8601 UTC. */
export const runRecordSchema = z.object({
  id: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  /** Hash of the pinned agent version (`agentHash`); null before the run starts. */
  agentVersion: z.string().nullable(),
  /** `provider/model`, the first one that is asked; null before the run starts. */
  model: z.string().nullable(),
  /** The models that are asked after `model`, in order; absent for none. */
  fallbackModels: z.array(z.string()).optional(),
  /** The model that gave the output, `provider/model`; null until the run has completed, absent without `fallbackModels`. */
  answerModel: z.string().nullable().optional(),
  messageIds: z.array(z.string()),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** Number of committed steps. */
  steps: z.number().int(),
  /** Tokens of committed replies. */
  usage: usageSchema,
  ...knownUsageFields,
  ...costFields,
  /** The final text; null unless completed. */
  output: z.string().nullable(),
  /** The structured answer; absent unless completed with one. */
  object: jsonObjectSchema.optional(),
  error: runErrorSchema.nullable(),
  /** In lists: the number of runs that its calls of other agents have made, without those below them. Absent for none. */
  childRuns: z.number().int().optional(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/**
 * Order of a list of runs. `slowest` counts from the admission of the run to its end, or to now. `dearest` counts the known cost.
 * `waiting` lists only open runs, those first that have waited longest for what they wait for now.
 */
export const runOrderSchema = z.enum(['newest', 'slowest', 'dearest', 'waiting']);
export type RunOrder = z.infer<typeof runOrderSchema>;

/** A run in the list of the runs of all sessions, without its output. */
export const listedRunSchema = runRecordSchema.omit({ output: true, object: true }).extend({
  user: z.string(),
  /** The id of its session; its own id for a run without a session. */
  sessionId: z.string(),
  /** From its admission to its end, waits included; null until it ends. */
  totalMs: z.number().nullable(),
  /** The run whose call has made this one. Absent for a run that no other one has made. */
  parent: runFamilyFields.parent,
  /** What an open run waits for; null for one that has ended. Absent from older gateways. */
  waitingFor: z.object({ what: runWaitSchema, since: z.string() }).nullable().optional(),
});
export type ListedRun = z.infer<typeof listedRunSchema>;

/** Response of `GET /v1/runs`. */
export const listedRunsSchema = z.object({
  data: z.array(listedRunSchema),
  /** Null on the last page. Absent from older gateways. */
  nextCursor: z.string().nullable().optional(),
});
export type ListedRuns = z.infer<typeof listedRunsSchema>;

/** A request for vectors of memories that a run has caused. It is charged to the user, and not part of the run's own usage and cost. */
const embeddingCallRecordSchema = z.object({
  at: z.string(),
  /** `provider/model`. */
  model: z.string(),
  /** Number of texts. */
  texts: z.number().int(),
  /** Null: the endpoint has reported none. */
  inputTokens: z.number().int().nullable(),
  /** Null when unknown. */
  costUsd: z.number().nullable(),
});

/** Response of `GET …/runs/{run}`. */
export const runDetailSchema = runRecordSchema.extend({
  stepList: z.array(stepRecordSchema),
  toolCalls: z.array(toolCallRecordSchema),
  /** Every attempt of every model call, by step and attempt. */
  modelCalls: z.array(modelCallRecordSchema),
  /** The calls of context providers, in their order; absent if the agent lists none. */
  contextCalls: z.array(contextCallRecordSchema).optional(),
  ...runFamilyFields,
  /** Present while calls of `afterRun` in the background are missing. */
  background: z.literal('pending').optional(),
  /** The requests for vectors of memories, in their order; absent if there were none. */
  embeddingCalls: z.array(embeddingCallRecordSchema).optional(),
});
export type RunDetail = z.infer<typeof runDetailSchema>;

export const toolCallRequestSchema = z.object({
  callId: z.string(),
  tool: z.string(),
  arguments: jsonSchema,
  malformed: z.string().nullable(),
});

/** A tool call as requested by a model. */
export interface ToolCallRequest {
  readonly callId: string;
  readonly tool: string;
  /** Parsed arguments, or the original text when it is not valid JSON. */
  readonly arguments: Json;
  /** Why the arguments could not be parsed, which becomes the call's error; null for valid JSON. */
  readonly malformed: string | null;
}
