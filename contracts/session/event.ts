import { z } from 'zod';
import { finishSchema, runErrorSchema, usageSchema } from './run.ts';
import { dispositionSchema } from './message.ts';
import { policyPatchSchema } from '../agent.ts';
import { budgetFactsSchema } from '../budget.ts';

const seq = z.number().int().positive();
const at = z.string();
/** Of every event. */
const session = { seq, at, sessionId: z.string() };
/** Of an event of a run. */
const run = { ...session, runId: z.string() };
/** Of an event of a step. */
const step = { ...run, step: z.number().int().positive() };
const call = { ...step, callId: z.string(), tool: z.string() };
const count = z.number().int().nonnegative();
/** Of the run so far; null when a part is not known, absent in events of before it was recorded. */
const costUsd = z.number().nullable().optional();

/** The durable events of a session: numbered without gaps, append-only, complete without deltas. */
export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session.opened'), ...session, agent: z.string() }),
  z.object({
    type: z.literal('session.recovered'),
    ...session,
    reason: z.enum(['reopened', 'restored', 'imported', 'workflow_lost']),
  }),
  z.object({
    type: z.literal('session.updated'),
    ...session,
    metadata: z.record(z.string(), z.json()).optional(),
    /** What was merged into the namespaces that changed. Without `namespaces`, from before there were any: into `app`. */
    state: z.record(z.string(), z.json()).optional(),
    /** Those of the state that changed. */
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
    content: z.string(),
    disposition: dispositionSchema,
  }),
  z.object({
    type: z.literal('message.refused'),
    ...session,
    messageId: z.string().nullable(),
    code: z.string(),
    detail: z.string(),
  }),

  z.object({ type: z.literal('run.started'), ...run, agent: z.string(), agentVersion: z.string(), model: z.string() }),
  z.object({ type: z.literal('reasoning.completed'), ...step, attempt: count, text: z.string() }),
  z.object({
    type: z.literal('message.completed'),
    ...step,
    attempt: count,
    text: z.string(),
    finish: finishSchema,
    /** True when the text was cut short by a cancel. */
    partial: z.boolean(),
    model: z.string(),
    usage: usageSchema.nullable(),
    /** The newest event that the model call had seen: a message to steer by with a higher `seq` came after this reply. */
    throughSeq: z.number().int(),
    firstTokenMs: z.number().nullable(),
    durationMs: z.number(),
  }),
  z.object({ type: z.literal('tool.called'), ...call, arguments: z.json() }),
  z.object({ type: z.literal('tool.completed'), ...call, result: z.json(), attempts: count, durationMs: z.number() }),
  z.object({ type: z.literal('tool.failed'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.unknown'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.cancelled'), ...call, error: z.string() }),
  /** A budget of a month or day reached the part at which to warn, or its daily threshold; once for each user and period. */
  z.object({
    type: z.literal('budget.warned'),
    ...run,
    /** `limit`: a part of a limit that stops is used. `threshold`: the amount at which only to warn. */
    kind: z.enum(['limit', 'threshold']),
    ...budgetFactsSchema.shape,
  }),
  /** What was set aside for a model call is free again: its run was over and nobody had said how the call ended. */
  z.object({
    type: z.literal('budget.released'),
    ...step,
    attempt: count,
    reservedUsd: z.number().nullable(),
    reservedTokens: z.number().int().nullable(),
  }),
  z.object({ type: z.literal('run.completed'), ...run, output: z.string(), steps: count, usage: usageSchema, costUsd }),
  z.object({ type: z.literal('run.failed'), ...run, error: runErrorSchema, steps: count, usage: usageSchema, costUsd }),
  z.object({ type: z.literal('run.cancelled'), ...run, reason: z.string(), steps: count, usage: usageSchema, costUsd }),
]);
export type PerdureEvent = z.infer<typeof eventSchema>;
export type EventType = PerdureEvent['type'];

/** An event before the store numbers and dates it. */
export type NewEvent = PerdureEvent extends infer E
  ? E extends PerdureEvent
    ? Omit<E, 'seq' | 'at' | 'sessionId'>
    : never
  : never;

/** Whether nothing of a run comes after this event. */
export function endsRun(type: EventType | LiveEventType): boolean {
  return type === 'run.completed' || type === 'run.failed' || type === 'run.cancelled';
}

const live = { at, sessionId: z.string(), runId: z.string(), step: z.number().int().positive() };

/** Live only: never stored, may be lost; readers apply `text.slice(0, offset) + delta`. Offsets count UTF-16 code units. */
export const liveEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message.delta'), ...live, attempt: count, offset: count, delta: z.string() }),
  z.object({ type: z.literal('reasoning.delta'), ...live, attempt: count, offset: count, delta: z.string() }),
  z.object({ type: z.literal('tool.progress'), ...live, callId: z.string(), tool: z.string(), progress: z.json() }),
  z.object({ type: z.literal('step.retracted'), ...live, attempt: count }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;
export type LiveEventType = LiveEvent['type'];

/** What a stream of a session carries. */
export type StreamEvent = PerdureEvent | LiveEvent;
