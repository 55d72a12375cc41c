import { z } from 'zod';
import { callKindSchema, modelCallRecordSchema, runStatusSchema } from './session/run.ts';
import { childRunSchema, runFamilyFields } from './session/run-family.ts';
import { retrySchema, sessionStatusSchema, waitingForSchema } from './session/session.ts';

/**
 * What a period of a run was spent on. `queue`: until it started. `limit`, `circuit`, `approval`, `client`: waiting for a
 * provider's limit, an open circuit, a person's decision or a client's result. `model`, `tool`, `context` (a context provider): working. `retry`: between attempts of a
 * model call. `stopped`: from an end of the run to its start after a resume. `overhead`: everything else.
 */
export const spanKindSchema = z.enum([
  'queue',
  'limit',
  'circuit',
  'approval',
  'client',
  'model',
  'retry',
  'tool',
  'context',
  'stopped',
  'overhead',
]);
export type SpanKind = z.infer<typeof spanKindSchema>;

const ms = z.number().int().nonnegative();
const tokens = z.number().int().nullable();

/** A period of a run. Times are relative to the admission of its first message. Parallel tool calls overlap; `overhead` overlaps nothing. */
export const whySpanSchema = z.object({
  kind: spanKindSchema,
  /** A short description, such as `step 2` or a tool's name. */
  label: z.string(),
  startMs: ms,
  durationMs: ms,
  step: z.number().int().nullable(),
  attempt: z.number().int().nullable(),
  callId: z.string().nullable(),
  /** Of a call that another agent executes: the run that it has made, which `children` contains. Absent for other spans. */
  childRunId: z.string().optional(),
  /** From the start of a model call to its first delta; null without deltas. */
  firstTokenMs: z.number().nullable(),
  /** Whether the period has not ended. */
  open: z.boolean(),
  /** The error; null without one. Never contains a message's content. */
  error: z.string().nullable(),
});
export type WhySpan = z.infer<typeof whySpanSchema>;

/** The cost of one model call. Null is unknown. */
export const whyCostSchema = z.object({
  /** Present for a call that is no step of the run. */
  kind: callKindSchema.optional(),
  step: z.number().int(),
  attempt: z.number().int(),
  model: z.string().nullable(),
  /** The call's outcome; `unknown` for an attempt without a record. */
  outcome: z.string(),
  inputTokens: tokens,
  cachedTokens: tokens,
  outputTokens: tokens,
  reasoningTokens: tokens,
  costUsd: z.number().nullable(),
  /** What is estimated where the actual tokens or cost are unknown; null without an estimate. */
  estimate: modelCallRecordSchema.shape.estimate,
});
export type WhyCost = z.infer<typeof whyCostSchema>;

const sumSchema = whyCostSchema.pick({
  inputTokens: true,
  cachedTokens: true,
  outputTokens: true,
  reasoningTokens: true,
  costUsd: true,
});
export type CostSum = z.infer<typeof sumSchema>;

/** A run below the explained one, as a span of its own below the call that has made it: `parentRunId` and `callId`. */
export const childWhySchema = childRunSchema.extend({
  /** From the admission of the explained run's first message to that of the child. Absent, as all below, for a child that is not admitted or was deleted, beyond the first 50, and from older gateways. */
  startMs: ms.optional(),
  /** From its admission to its end, or until now. */
  durationMs: ms.optional(),
  /** Whether it has not ended. */
  open: z.boolean().optional(),
  /** As that of the explained run; the time of runs below it counts as `tool`. */
  time: z.array(z.object({ kind: spanKindSchema, durationMs: ms })).optional(),
  /** Of its own model calls, without the runs below it; `known` leaves out what is unknown. */
  ownCost: z.object({ total: sumSchema, known: sumSchema, unknownCalls: z.number().int() }).optional(),
});
export type ChildWhy = z.infer<typeof childWhySchema>;

/** Response of `GET …/runs/{run}/why`: how the time and cost of a run break down. */
export const runWhySchema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  model: z.string().nullable(),
  /** The models that are asked after it, in order; absent for none. */
  fallbackModels: z.array(z.string()).optional(),
  createdAt: z.string(),
  /** Null while the run has not ended; times then count to `asOf`. */
  endedAt: z.string().nullable(),
  asOf: z.string(),
  /** From the first message to the end. */
  wallMs: ms,
  /** Ordered by start. Together they cover the run without gaps. */
  spans: z.array(whySpanSchema),
  /** Time by kind, the largest first. Overlaps count once, so that the sum is `wallMs`. */
  time: z.array(z.object({ kind: spanKindSchema, durationMs: ms })),
  cost: z.object({
    calls: z.array(whyCostSchema),
    /** Sums over all calls; null when a part is unknown. */
    total: sumSchema,
    /** Sums over the known parts. */
    known: sumSchema,
    /** Number of calls with an unknown cost. */
    unknownCalls: z.number().int(),
  }),
  /** One sentence each about the largest part of the time and of the cost, about how the run failed, about the models, the context and the background. */
  summary: z.object({
    time: z.string(),
    cost: z.string(),
    /** The code and the detail of the run's error; absent unless it failed. */
    failure: z.string().optional(),
    /** Which models gave no answer, and which one did; absent unless more than one was asked. */
    models: z.string().optional(),
    /** The part of the time and of the cost that was that of the runs below it; absent if there are none. */
    children: z.string().optional(),
    /** How many older messages were left out of the context of its model calls; absent if none were. */
    context: z.string().optional(),
    /** The calls of context providers in the background, after the run; absent if there are none. */
    background: z.string().optional(),
  }),
  ...runFamilyFields,
  children: z.array(childWhySchema).optional(),
});
export type RunWhy = z.infer<typeof runWhySchema>;

/** Response of `GET …/sessions/{id}/why`: what a session waits for, since when, who can unblock it, when it times out. */
export const sessionWhySchema = z.object({
  sessionId: z.string(),
  /** Null while the session does not exist: its first messages were accepted and wait for a worker. */
  status: sessionStatusSchema.nullable(),
  asOf: z.string(),
  waitingFor: waitingForSchema,
  /** The current run, or the first in the queue; null without open runs. */
  runId: z.string().nullable(),
  step: z.number().int().nullable(),
  attempt: z.number().int().nullable(),
  /** Number of queued runs. */
  queued: z.number().int(),
  /** Number of accepted messages that no worker has processed. Only counted while no worker takes work, and while the session does not exist. Absent from older gateways. */
  pending: z.number().int().optional(),
  /** The failed attempt of the model call that is being retried; null when there is none. Absent from older gateways. */
  retry: retrySchema.nullable().optional(),
  /** Number of workers that take work; null when Temporal is not reachable. */
  workers: z.number().int().nullable(),
  /** When a worker was last seen, within the last day; null when none was. Absent from older gateways. */
  workerLastSeenAt: z.string().nullable().optional(),
  /** The explanation as one paragraph. */
  text: z.string(),
});
export type SessionWhy = z.infer<typeof sessionWhySchema>;
