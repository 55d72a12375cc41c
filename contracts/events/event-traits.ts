import type { EventType, LiveEventType } from './event.ts';

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
  'input.decided': { kind: 'durable', conversation: 'content', run: 'none', rows: [] },

  'run.started': { kind: 'durable', conversation: 'boundary', run: 'start', rows: ['runs'] },
  'reasoning.completed': { kind: 'durable', conversation: 'none', run: 'none', rows: ['steps'] },
  'message.completed': { kind: 'durable', conversation: 'content', run: 'reply', rows: ['runs', 'steps'] },
  'context.rebuilt': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'tool.called': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.completed': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.failed': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.unknown': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'tool.cancelled': { kind: 'durable', conversation: 'content', run: 'none', rows: ['toolCalls'] },
  'approval.requested': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'approval.reminded': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'approval.decided': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'approval.expired': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'approval.withdrawn': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'client_call.requested': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'client_call.reminded': { kind: 'durable', conversation: 'none', run: 'none', rows: [] },
  'client_call.answered': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'client_call.expired': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'client_call.withdrawn': { kind: 'durable', conversation: 'none', run: 'none', rows: ['toolCalls'] },
  'context.summarized': { kind: 'durable', conversation: 'boundary', run: 'none', rows: [] },
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
  'attempt.failed': { kind: 'live' },
  'run.waiting': { kind: 'live' },
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
