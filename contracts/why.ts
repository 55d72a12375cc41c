import { z } from 'zod';
import { runStatusSchema } from './session/run.ts';
import { sessionStatusSchema, waitingForSchema } from './session/session.ts';

/**
 * What a run's time went to. `queue`: until it started. `limit`, `circuit`, `approval`: waits for a provider's limit, for
 * an open circuit, for a person's answer. `model`, `tool`: work. `retry`: between tries of one model call. `stopped`:
 * from an end to the start of the life that a resume gave it. `overhead`: all else, which is ours.
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

/** A stretch of a run's time, counted from when its first message was taken. Tools side by side overlap; `overhead` never does. */
export const whySpanSchema = z.object({
  kind: spanKindSchema,
  /** What it was, in a few words: `step 2`, a tool's name. */
  label: z.string(),
  startMs: ms,
  durationMs: ms,
  step: z.number().int().nullable(),
  attempt: z.number().int().nullable(),
  callId: z.string().nullable(),
  /** From the start of a model call to its first delta; null without one. */
  firstTokenMs: z.number().nullable(),
  /** True while it lasts. */
  open: z.boolean(),
  /** How it failed; null when it did not. Never a message's content. */
  error: z.string().nullable(),
});
export type WhySpan = z.infer<typeof whySpanSchema>;

/** One model call's part of the cost. Null is unknown. */
export const whyCostSchema = z.object({
  step: z.number().int(),
  attempt: z.number().int(),
  model: z.string().nullable(),
  /** How the call ended; `unknown` for a try that left no record of its own. */
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

/** `GET …/runs/{run}/why`: where the time and the money of a run went. */
export const runWhySchema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  status: runStatusSchema,
  agent: z.string(),
  model: z.string().nullable(),
  createdAt: z.string(),
  /** Null while it lasts; times are then counted to `asOf`. */
  endedAt: z.string().nullable(),
  asOf: z.string(),
  /** From the first message to the end. */
  wallMs: ms,
  /** In the order of their start; together they cover the run's time without a hole. */
  spans: z.array(whySpanSchema),
  /** The run's time by kind, the largest first; adds up to `wallMs`. What overlaps is counted once. */
  time: z.array(z.object({ kind: spanKindSchema, durationMs: ms })),
  cost: z.object({
    calls: z.array(whyCostSchema),
    /** Sums over all calls; null where a part is unknown. */
    total: sumSchema,
    /** Sums over what is known, and of how many calls the cost is not. */
    known: sumSchema,
    unknownCalls: z.number().int(),
  }),
  /** A sentence each on the largest part. */
  summary: z.object({ time: z.string(), cost: z.string() }),
});
export type RunWhy = z.infer<typeof runWhySchema>;

/** `GET …/sessions/{id}/why`: what a session waits for, since when, who can unblock it, when it times out. */
export const sessionWhySchema = z.object({
  sessionId: z.string(),
  status: sessionStatusSchema,
  asOf: z.string(),
  waitingFor: waitingForSchema,
  /** The run that is going or the first that waits, and where it is; null without one. */
  runId: z.string().nullable(),
  step: z.number().int().nullable(),
  attempt: z.number().int().nullable(),
  /** Runs that wait. */
  queued: z.number().int(),
  /** Workers that asked for work within the last 70 s; null when Temporal does not answer. */
  workers: z.number().int().nullable(),
  /** All of it in a paragraph. */
  text: z.string(),
});
export type SessionWhy = z.infer<typeof sessionWhySchema>;
