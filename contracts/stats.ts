import { z } from 'zod';
import { usageSchema } from './session/run.ts';
import { costFields, tokenFields } from './usage.ts';

export const statsBySchema = z.enum(['session', 'user', 'agent', 'day']);
export type StatsBy = z.infer<typeof statsBySchema>;

/** What model calls used and cost: all of them, those of runs that go on included. */
const spentFields = {
  /** Model calls, failed ones included. */
  calls: z.number().int(),
  /** Null when the tokens of a call are not known. */
  usage: usageSchema,
  /** Tokens that providers reported. */
  knownUsage: z.object(tokenFields),
  /** Calls whose tokens are not known. */
  unmeteredCalls: z.number().int(),
  ...costFields,
};
export type UsageSummary = z.infer<z.ZodObject<typeof spentFields>>;

/** How runs went and what they used. Null is unknown, or that there is nothing to reckon from. */
export const statsSchema = z.object({
  /** Runs that ended; one that was resumed and ended again counts again. */
  requests: z.number().int(),
  /** Of these, those that failed. */
  errors: z.number().int(),
  cancelled: z.number().int(),
  /** Errors of requests, 0 to 1. */
  errorRate: z.number().nullable(),
  /** From a run's start to its end, of runs that started and were not resumed. */
  meanMs: z.number().nullable(),
  /** Within 10 % by user, agent and day; exact by session. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  ...spentFields,
});
export type Stats = z.infer<typeof statsSchema>;

/** `GET /v1/stats`: a row for each session, user, agent or day, and all of them together. */
export const statsPageSchema = z.object({
  by: statsBySchema,
  /** Days, UTC, both included; null is open. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  data: z.array(statsSchema.extend({ key: z.string() })),
  /** Of everything in the time asked for, not of this page only. */
  total: statsSchema,
  nextCursor: z.string().nullable(),
});
export type StatsPage = z.infer<typeof statsPageSchema>;
