import { z } from 'zod';
import { finishSchema, runErrorSchema, usageSchema } from './run.ts';
import { dispositionSchema } from './message.ts';
import { policyPatchSchema } from '../agent.ts';
import { budgetFactsSchema } from '../budget.ts';

const seq = z.number().int().positive();
const at = z.string();
/** Fields of every durable event. `at` is ISO 8601 UTC. */
const session = { seq, at, sessionId: z.string() };
/** Fields of every event of a run. */
const run = { ...session, runId: z.string() };
/** Fields of every event of a step. */
const step = { ...run, step: z.number().int().positive() };
const call = { ...step, callId: z.string(), tool: z.string() };
const count = z.number().int().nonnegative();
/** Cost of the run so far; null when a part is unknown. Absent in events from before it was recorded. */
const costUsd = z.number().nullable().optional();

/** The durable events of a session: append-only, numbered from 1 without gaps, and complete without live events. */
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
    /** The patch of the changed namespaces. In older events without `namespaces`, a patch of `app`. */
    state: z.record(z.string(), z.json()).optional(),
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
    /** Whether the text was cut short by a cancellation. */
    partial: z.boolean(),
    model: z.string(),
    usage: usageSchema.nullable(),
    /** `seq` of the newest event in the model call's context. A steering message with a higher `seq` follows this reply in the transcript. */
    throughSeq: z.number().int(),
    firstTokenMs: z.number().nullable(),
    durationMs: z.number(),
  }),
  z.object({ type: z.literal('tool.called'), ...call, arguments: z.json() }),
  z.object({ type: z.literal('tool.completed'), ...call, result: z.json(), attempts: count, durationMs: z.number() }),
  z.object({ type: z.literal('tool.failed'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.unknown'), ...call, error: z.string(), attempts: count }),
  z.object({ type: z.literal('tool.cancelled'), ...call, error: z.string() }),
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
  z.object({ type: z.literal('run.completed'), ...run, output: z.string(), steps: count, usage: usageSchema, costUsd }),
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
  z.object({ type: z.literal('tool.progress'), ...live, callId: z.string(), tool: z.string(), progress: z.json() }),
  /** The attempt's text so far is void: another attempt of the step begins. */
  z.object({ type: z.literal('step.retracted'), ...live, attempt: count }),
]);
export type LiveEvent = z.infer<typeof liveEventSchema>;
export type LiveEventType = LiveEvent['type'];

/** An event of a session's stream: durable or live. */
export type StreamEvent = PerdureEvent | LiveEvent;

/** How code that handles events by type treats a durable event. */
interface DurableTraits {
  readonly kind: 'durable';
  /**
   * `content`: part of the context of model calls. `boundary`: changes which runs or events that context contains.
   * `none`: neither. The store selects by this field what it reads into a model call's context.
   */
  readonly conversation: 'content' | 'boundary' | 'none';
  /** The place of the event in the course of its run. */
  readonly run: 'start' | 'reply' | 'end' | 'none';
  /** Read models whose rows change in the transaction that appends the event, besides the session's own row. */
  readonly rows: readonly ('messages' | 'runs' | 'steps' | 'toolCalls' | 'modelCalls')[];
}

interface LiveTraits {
  readonly kind: 'live';
}

/**
 * The traits of every event type. Lists of event types, in TypeScript and in SQL, are derived from this table. A new type
 * must be added here, or nothing compiles; then the compiler names the switches that must handle it (ARCHITECTURE.md,
 * "The events"). What it cannot see is the partial index `events_of_context`: if its predicate no longer matches the
 * types that are `content`, a test fails and a migration must create it anew.
 */
export const EVENT_TRAITS = {
  'session.opened': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.recovered': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.updated': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.ended': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.failed': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.expired': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'session.archived': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },

  'message.received': { kind: 'durable', conversation: 'content', run: 'none', rows: ['messages', 'runs'] },
  'message.refused': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },

  'run.started': { kind: 'durable', conversation: 'boundary', run: 'start', rows: ['runs'] },
  'reasoning.completed': { kind: 'durable', conversation: 'none', run: 'none', rows: ['steps'] },
  'message.completed': { kind: 'durable', conversation: 'content', run: 'reply', rows: ['runs', 'steps'] },
  'tool.called': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.completed': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.failed': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.unknown': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.cancelled': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'budget.warned': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'budget.released': { kind: 'durable', conversation: 'none', run: 'none', rows: ['modelCalls'] },
  // No boundary: a completed run has started and cannot be resumed, so nothing that was read of it changes.
  'run.completed': { kind: 'durable', conversation: 'none', run: 'end', rows: ['runs'] },
  'run.failed': { kind: 'durable', conversation: 'boundary', run: 'end', rows: ['runs'] },
  'run.cancelled': { kind: 'durable', conversation: 'boundary', run: 'end', rows: ['runs'] },

  'message.delta': { kind: 'live' },
  'reasoning.delta': { kind: 'live' },
  'tool.progress': { kind: 'live' },
  'step.retracted': { kind: 'live' },
} as const satisfies { readonly [T in EventType]: DurableTraits } & { readonly [T in LiveEventType]: LiveTraits };

/** The types of events that end a run. */
export type RunEndType = {
  [T in EventType]: (typeof EVENT_TRAITS)[T]['run'] extends 'end' ? T : never;
}[EventType];

/** The types of events that the context of model calls contains. */
export type ContentType = {
  [T in EventType]: (typeof EVENT_TRAITS)[T]['conversation'] extends 'content' ? T : never;
}[EventType];

/** Every durable event type, in the order of {@link EVENT_TRAITS}. */
export const EVENT_TYPES: readonly EventType[] = Object.keys(EVENT_TRAITS).filter(isDurableType);

/** Whether an event ends its run: no later event of the run follows, unless the run is resumed. */
export function endsRun(type: EventType | LiveEventType): type is RunEndType {
  return isDurableType(type) && EVENT_TRAITS[type].run === 'end';
}

function isDurableType(type: string): type is EventType {
  return (EVENT_TRAITS as Readonly<Record<string, DurableTraits | LiveTraits>>)[type]?.kind === 'durable';
}
