import { z } from 'zod';
import { recordedCountsSchema } from './session/recorded-counts.ts';
import { usageSchema } from './session/run.ts';
import { costFields, tokenFields } from './usage.ts';

/** What statistics are grouped by. */
export const statsBySchema = z.enum(['session', 'user', 'agent', 'day']);
export type StatsBy = z.infer<typeof statsBySchema>;

/** Usage and cost of model calls, including calls of runs that have not ended. */
const usageFields = {
  /** Number of model calls, including failed ones. */
  calls: z.number().int(),
  /** Sums of tokens; null when the tokens of any call are unknown. */
  usage: usageSchema,
  /** Sums of the tokens that providers reported. */
  knownUsage: z.object(tokenFields),
  /** Number of calls with unknown tokens. */
  unmeteredCalls: z.number().int(),
  ...costFields,
};
export type UsageSummary = z.infer<z.ZodObject<typeof usageFields>>;

/** Run statistics and usage. Null: unknown, or no runs to compute it from. */
export const statsSchema = z.object({
  /** Number of run ends. A run that was resumed and ended again counts again. */
  requests: z.number().int(),
  /** Number of run ends as failed. */
  errors: z.number().int(),
  /** Number of run ends as cancelled. */
  cancelled: z.number().int(),
  /** Share of errors in requests: 0 to 1. */
  errorRate: z.number().nullable(),
  /** Mean time from start to end, of runs that started and were not resumed. */
  meanMs: z.number().nullable(),
  /** Median. Accurate to 10 % by user, agent and day; exact by session. */
  p50Ms: z.number().nullable(),
  /** 95th percentile, with the accuracy of `p50Ms`. */
  p95Ms: z.number().nullable(),
  ...usageFields,
  /** What applications have recorded on the sessions, beside their runs; absent without records. */
  recorded: recordedCountsSchema.optional(),
});
export type Stats = z.infer<typeof statsSchema>;

/** Response of `GET /v1/stats`: one row per session, user, agent or day, and the total. */
export const statsPageSchema = z.object({
  by: statsBySchema,
  /** First and last day, UTC, `YYYY-MM-DD`, both inclusive. Null is unbounded. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  data: z.array(
    statsSchema.extend({
      key: z.string(),
      /** By session: its owner. Absent otherwise, and from older gateways. */
      user: z.string().optional(),
    }),
  ),
  /** Total of the whole range, not only of this page. */
  total: statsSchema,
  /** Null on the last page. */
  nextCursor: z.string().nullable(),
});
export type StatsPage = z.infer<typeof statsPageSchema>;
