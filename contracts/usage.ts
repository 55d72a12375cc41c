import { z } from 'zod';

/**
 * What is charged to budgets for calls whose usage or cost is unknown, because they were cancelled or interrupted, or their
 * provider reported none. Estimates are not part of any other field.
 */
const estimateFields = {
  /** Number of calls with an estimate. */
  estimatedCalls: z.number().int().default(0),
  estimatedInputTokens: z.number().int().default(0),
  estimatedOutputTokens: z.number().int().default(0),
  estimatedCostUsd: z.number().default(0),
};

/** Cost fields of a record, in US dollars. */
export const costFields = {
  ...estimateFields,
  /** Null when the cost of any call is unknown. */
  costUsd: z.number().nullable(),
  /** Sum of the known costs. */
  knownCostUsd: z.number(),
  /** Number of calls with an unknown cost. */
  unpricedCalls: z.number().int(),
};
export type Cost = z.infer<z.ZodObject<typeof costFields>>;

/** Sums of the tokens that providers reported. Cached tokens are part of the input, reasoning tokens part of the output. */
export const tokenFields = {
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  cachedTokens: z.number().int(),
  reasoningTokens: z.number().int(),
};

/** What a usage report is grouped by. */
export const usageBySchema = z.enum(['day', 'agent', 'model', 'session', 'user']);
export type UsageBy = z.infer<typeof usageBySchema>;

/** One line of a usage report. */
const usageLineSchema = z.object({
  /** The day, agent, `provider/model`, session or user. Null for the usage of deleted sessions. */
  key: z.string().nullable(),
  /** Number of model calls, including failed ones. A call that a budget refused is not made, and not counted. */
  calls: z.number().int(),
  /** Number of calls without a complete reply. */
  failedCalls: z.number().int(),
  ...tokenFields,
  /** Number of calls without reported tokens. The actual tokens are more when it is above 0. */
  unmeteredCalls: z.number().int(),
  ...costFields,
});
export type UsageLine = z.infer<typeof usageLineSchema>;

/** Response of `GET /v1/usage`. */
export const usageReportSchema = z.object({
  /** Null: all users. */
  user: z.string().nullable(),
  by: usageBySchema,
  /** First and last day, UTC, `YYYY-MM-DD`, both inclusive. */
  from: z.string(),
  to: z.string(),
  data: z.array(usageLineSchema),
  total: usageLineSchema,
});
export type UsageReport = z.infer<typeof usageReportSchema>;
