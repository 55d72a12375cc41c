import { z } from 'zod';
import { attachmentIdSchema } from '../attachments/attachment.ts';
import { messagePartsSchema } from '../attachments/content-parts.ts';
import { jsonObjectSchema, jsonSchema } from '../json-schema.ts';
import {
  finishSchema,
  providerConversationSchema,
  providerDataSchema,
  rebuildReasonSchema,
  runErrorSchema,
  usageSchema,
} from '../session/run.ts';
import { at, call, count, run, seq, session, step } from './event-fields.ts';
import { ITEM_EVENTS } from './item-events.ts';
import { dispositionSchema } from '../session/message.ts';
import { recoveryReasonSchema, waitingForSchema } from '../session/session.ts';
import { LIMITS } from '../limits.ts';
import { policyPatchSchema } from '../agent.ts';
import { budgetFactsSchema } from '../budget.ts';
import { decidedMessageSchema, inputDecisionSchema } from '../session/input-decision.ts';
import { outputSpecSchema, rejectedAnswerSchema } from '../output/output.ts';

/** Cost of the run so far; null when a part is unknown. Absent in events from before it was recorded. */
const costUsd = z.number().nullable().optional();

/** The durable events of a session: append-only, numbered from 1 without gaps, and complete without live events. */
export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session.opened'), ...session, agent: z.string() }),
  z.object({
    type: z.literal('session.recovered'),
    ...session,
    reason: recoveryReasonSchema,
  }),
  z.object({
    type: z.literal('session.updated'),
    ...session,
    metadata: jsonObjectSchema.optional(),
    /** The patch of the changed namespaces. In older events without `namespaces`, a patch of `app`. */
    state: jsonObjectSchema.optional(),
    /** Names of the changed namespaces. */
    namespaces: z.array(z.string()).optional(),
    policy: policyPatchSchema.optional(),
  }),
  z.object({
    type: z.literal('session.ended'),
    ...session,
    status: z.enum(['completed', 'failed']),
    reason: z.string().nullable(),
  }),
  z.object({ type: z.literal('session.failed'), ...session, runId: z.string().optional(), reason: z.string() }),
  z.object({ type: z.literal('session.expired'), ...session, reason: z.string() }),
  z.object({ type: z.literal('session.archived'), ...session }),

  z.object({
    type: z.literal('message.received'),
    ...run,
    messageId: z.string(),
    /** The text; of a message with parts, that of its text parts. */
    content: z.string(),
    /** Absent in a message that is only text. */
    parts: messagePartsSchema.optional(),
    disposition: dispositionSchema,
    /** As in the message; absent if it has none. */
    output: outputSpecSchema.optional(),
    /** True for a message that stays in the context of model calls; absent for others. */
    pin: z.boolean().optional(),
  }),
  z.object({
    type: z.literal('message.refused'),
    ...session,
    messageId: z.string().nullable(),
    code: z.string(),
    detail: z.string(),
  }),

  /** The `input` of an agent's middleware has decided on messages of the run: once, before the first model call that is given them. */
  z.object({
    type: z.literal('input.decided'),
    ...step,
    messages: z.array(decidedMessageSchema),
    decision: inputDecisionSchema,
    /** The middleware that has changed a message, in that order; absent for none. */
    changedBy: z.array(z.string()).optional(),
  }),

  z.object({
    type: z.literal('run.started'),
    ...run,
    agent: z.string(),
    agentVersion: z.string(),
    /** `provider/model`, the first one that is asked. */
    model: z.string(),
    /** The models that are asked after it, in order; absent for none. */
    fallbackModels: z.array(z.string()).optional(),
    /** True for a run that goes on: it was resumed, or somebody has answered what it waited for. Absent for its first start. */
    continued: z.boolean().optional(),
  }),
  z.object({ type: z.literal('reasoning.completed'), ...step, attempt: count, text: z.string() }),
  z.object({
    type: z.literal('message.completed'),
    ...step,
    attempt: count,
    text: z.string(),
    finish: finishSchema,
    /** Whether the text was cut short by a cancellation. */
    partial: z.boolean(),
    /** As the provider names it. */
    model: z.string(),
    /** The model that was asked, `provider/model`; absent for a run with one model. */
    requestedModel: z.string().optional(),
    usage: usageSchema.nullable(),
    /** `seq` of the newest event in the model call's context. A steering message with a higher `seq` follows this reply in the transcript. */
    throughSeq: z.number().int(),
    firstTokenMs: z.number().nullable(),
    durationMs: z.number(),
    /** What the provider attached to the reply; absent without tool calls. Clients can ignore it. */
    providerData: providerDataSchema.optional(),
    /** Where the provider keeps the conversation up to this reply; absent if it keeps none. Clients can ignore it. */
    providerConversation: providerConversationSchema.optional(),
    /** Present if the text was to be a structured answer and is none. */
    rejected: rejectedAnswerSchema.optional(),
    /** Number of older messages and replies that the context window had no room for, and that no summary stands for; absent for none. */
    omitted: count.optional(),
    /** The middleware whose `output` has changed the text, in that order; absent for none. */
    changedBy: z.array(z.string()).optional(),
  }),
  /** A model call was given the local transcript instead of the conversation that its provider was to keep. */
  z.object({
    type: z.literal('context.rebuilt'),
    ...step,
    attempt: count,
    /** `provider/model`. */
    model: z.string(),
    reason: rebuildReasonSchema,
  }),
  z.object({
    type: z.literal('tool.called'),
    ...call,
    arguments: jsonSchema,
    /** The run that executes the call, of a tool that is an agent: `GET /v1/runs/{run}`. Absent for other tools. */
    childRunId: z.string().optional(),
  }),
  z.object({
    type: z.literal('tool.completed'),
    ...call,
    result: jsonSchema,
    /** Ids of the files in the result; absent for none. */
    attachments: z.array(attachmentIdSchema).min(1).max(LIMITS.toolFiles.value).optional(),
    attempts: count,
    durationMs: z.number(),
  }),
  z.object({ type: z.literal('tool.failed'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.unknown'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.cancelled'), ...call, error: z.string() }),

  ...ITEM_EVENTS,

  /**
   * A summary stands for older messages in the context of model calls. It follows on from the summary before it, whose text
   * it includes. Runs count in the order of their latest starts.
   */
  z.object({
    type: z.literal('context.summarized'),
    ...session,
    text: z.string(),
    /** `seq` of the summary that it follows on from; 0 for the first one. */
    since: count,
    /** The last run that it stands for, and the `seq` of that run's latest start. */
    throughRunId: z.string(),
    throughSeq: seq,
    /** The last step of that run that it stands for; null: the whole run. */
    throughStep: z.number().int().positive().nullable(),
    /** Number of messages and replies that it stands for, without those of earlier summaries. */
    entries: count,
    /** The model that was asked, `provider/model`. */
    model: z.string(),
  }),
  /** A monthly or daily budget reached its warning level; once per user, budget and period. */
  z.object({
    type: z.literal('budget.warned'),
    ...run,
    /** `limit`: the share `warnAt` of a limit is used. `threshold`: `dailyWarnUsd` is reached. */
    kind: z.enum(['limit', 'threshold']),
    ...budgetFactsSchema.shape,
  }),
  /** The reservation of a model call was released: its run has ended and the call's outcome was never reported. */
  z.object({
    type: z.literal('budget.released'),
    ...step,
    attempt: count,
    reservedUsd: z.number().nullable(),
    reservedTokens: z.number().int().nullable(),
  }),
  z.object({
    type: z.literal('run.completed'),
    ...run,
    output: z.string(),
    /** The structured answer; absent if none was asked for. */
    object: jsonObjectSchema.optional(),
    /** The model that gave the output, `provider/model`; absent for a run with one model. */
    answerModel: z.string().optional(),
    steps: count,
    usage: usageSchema,
    costUsd,
  }),
  z.object({ type: z.literal('run.failed'), ...run, error: runErrorSchema, steps: count, usage: usageSchema, costUsd }),
  z.object({ type: z.literal('run.cancelled'), ...run, reason: z.string(), steps: count, usage: usageSchema, costUsd }),
]);
export type PerdureEvent = z.infer<typeof eventSchema>;
export type EventType = PerdureEvent['type'];

/** An event before the store assigns `seq`, `at` and `sessionId`. */
export type NewEvent = PerdureEvent extends infer E
  ? E extends PerdureEvent
    ? Omit<E, 'seq' | 'at' | 'sessionId'>
    : never
  : never;

const live = { at, sessionId: z.string(), runId: z.string(), step: z.number().int().positive() };

/**
 * Live events: streamed, never stored, and possibly lost. Readers apply a delta as `text.slice(0, offset) + delta`;
 * offsets count UTF-16 code units.
 */
export const liveEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message.delta'), ...live, attempt: count, offset: count, delta: z.string() }),
  z.object({ type: z.literal('reasoning.delta'), ...live, attempt: count, offset: count, delta: z.string() }),
  z.object({ type: z.literal('tool.progress'), ...live, callId: z.string(), tool: z.string(), progress: jsonSchema }),
  /** The attempt's text so far is void: another attempt of the step begins. */
  z.object({ type: z.literal('step.retracted'), ...live, attempt: count }),
  /** An attempt of a model call failed, and another follows. Sent to late readers too. */
  z.object({
    type: z.literal('attempt.failed'),
    ...live,
    /** The attempt that failed, from 1. */
    attempt: count,
    /** The number of the last attempt that the policy allows; null when unknown. */
    maxAttempts: count.nullable(),
    /** The error code; `lost`: its worker stopped responding. */
    code: z.string(),
    /** One sentence; null when only the code is known. Never contains a message's content. */
    detail: z.string().nullable(),
    /** When the next attempt begins; null: now. */
    retryAt: z.string().nullable(),
    /** The model that the next attempt asks, if it is another one. */
    nextModel: z.string().optional(),
  }),
  /** The run makes no progress: it waits for its provider, or no worker takes work. Sent when the wait begins, and to late readers. */
  z.object({
    type: z.literal('run.waiting'),
    at,
    sessionId: z.string(),
    runId: z.string(),
    waitingFor: waitingForSchema,
  }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;
export type LiveEventType = LiveEvent['type'];

/** An event of a session's stream: durable or live. */
export type StreamEvent = PerdureEvent | LiveEvent;
