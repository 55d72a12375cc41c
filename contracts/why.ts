import { z } from 'zod';
import { runStatusSchema } from './session/run.ts';
import { sessionStatusSchema, waitingForSchema } from './session/session.ts';

/**
 * What a period of a run was spent on. `queue`: until it started. `limit`, `circuit`, `approval`: waiting for a
 * provider's limit, an open circuit or a person's decision. `model`, `tool`: working. `retry`: between attempts of a
 * model call. `stopped`: from an end of the run to its start after a resume. `overhead`: everything else.
 */
export const spanKindSchema = z.enum([
  'queue',
  'limit',
  'circuit',
  'approval',
  'model',
  'retry',
  'tool',
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

/** Response of `GET …/runs/{run}/why`: how the time and cost of a run break down. */
export const runWhySchema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  model: z.string().nullable(),
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
  /** One sentence each about the largest part of the time and of the cost. */
  summary: z.object({ time: z.string(), cost: z.string() }),
});
export type RunWhy = z.infer<typeof runWhySchema>;

/** Response of `GET …/sessions/{id}/why`: what a session waits for, since when, who can unblock it, when it times out. */
export const sessionWhySchema = z.object({
  sessionId: z.string(),
  status: sessionStatusSchema,
  asOf: z.string(),
  waitingFor: waitingForSchema,
  /** The current run, or the first in the queue; null without open runs. */
  runId: z.string().nullable(),
  step: z.number().int().nullable(),
  attempt: z.number().int().nullable(),
  /** Number of queued runs. */
  queued: z.number().int(),
  /** Number of workers that polled the task queue within the last 70 s; null when Temporal is not reachable. */
  workers: z.number().int().nullable(),
  /** The explanation as one paragraph. */
  text: z.string(),
});
export type SessionWhy = z.infer<typeof sessionWhySchema>;
