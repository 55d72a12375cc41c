import { z } from 'zod';

/** Money in dollars. */
export const costFields = {
  /** Null when the cost of a part is not known. */
  costUsd: z.number().nullable(),
  /** The part that is known. */
  knownCostUsd: z.number(),
  /** Calls whose cost is not known. */
  unpricedCalls: z.number().int(),
};
export type Cost = z.infer<z.ZodObject<typeof costFields>>;

/** Tokens that providers reported. */
export const tokenFields = {
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  cachedTokens: z.number().int(),
  reasoningTokens: z.number().int(),
};

export const usageBySchema = z.enum(['day', 'agent', 'model', 'session', 'user']);
export type UsageBy = z.infer<typeof usageBySchema>;

/** One line of a usage report. */
const usageLineSchema = z.object({
  /** The day, agent, `provider/model`, session or user; null for what belongs to sessions that are deleted. */
  key: z.string().nullable(),
  /** Model calls, failed ones included. */
  calls: z.number().int(),
  /** Those that brought no whole reply. */
  failedCalls: z.number().int(),
  ...tokenFields,
  /** Calls whose tokens no provider reported: above 0, the tokens were more. */
  unmeteredCalls: z.number().int(),
  ...costFields,
});
export type UsageLine = z.infer<typeof usageLineSchema>;

/** `GET /v1/usage`. */
export const usageReportSchema = z.object({
  /** Null: all users. */
  user: z.string().nullable(),
  by: usageBySchema,
  /** First and last day, UTC, both included. */
  from: z.string(),
  to: z.string(),
  data: z.array(usageLineSchema),
  total: usageLineSchema,
});
export type UsageReport = z.infer<typeof usageReportSchema>;
