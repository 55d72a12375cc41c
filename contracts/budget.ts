import { z } from 'zod';

const usd = z.number().min(0).max(1e6);
const tokens = z.number().int().min(0).max(1e12);

/**
 * Limits of one user, per UTC month and day. Model calls that may exceed a limit are refused; `dailyWarnUsd` only
 * warns. Null is no limit; the deployment's limit applies to an absent one.
 */
export const userLimitsSchema = z.strictObject({
  monthlyUsd: usd.nullable().optional(),
  monthlyTokens: tokens.nullable().optional(),
  dailyUsd: usd.nullable().optional(),
  dailyTokens: tokens.nullable().optional(),
  dailyWarnUsd: usd.nullable().optional(),
});
export type UserLimits = z.infer<typeof userLimitsSchema>;

/** Limits of a session over its lifetime, and of each of its runs, as part of a policy. */
export const runBudgetSchema = z.strictObject({
  sessionUsd: usd.optional(),
  sessionTokens: tokens.optional(),
  runUsd: usd.optional(),
  runTokens: tokens.optional(),
});
export type RunBudget = z.infer<typeof runBudgetSchema>;

/** Budget settings of a deployment: `budgets:` in the deployment file. */
export const budgetSettingsSchema = userLimitsSchema.extend({
  /** Share of a monthly or daily limit at which to warn. Default 0.8. */
  warnAt: z.number().min(0).max(1).optional(),
  /** Maximum output tokens of a model call while a limit is in force and the agent sets no maximum. Default 8,192. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000).optional(),
  /** Whether models without a price may be called while a limit in dollars is in force. Default `refuse`. */
  unpriced: z.enum(['refuse', 'allow']).optional(),
});
export type BudgetSettings = z.infer<typeof budgetSettingsSchema>;

/** What a budget limits. */
export const budgetScopeSchema = z.enum(['month', 'day', 'session', 'run']);
export type BudgetScope = z.infer<typeof budgetScopeSchema>;

/** The state of a budget that refused a call or reached its warning level. `used`, `reserved` and `limit` are dollars or tokens, depending on `unit`. */
export const budgetFactsSchema = z.object({
  scope: budgetScopeSchema,
  unit: z.enum(['usd', 'tokens']),
  /** What is charged: the known usage, and the estimates of calls whose usage is unknown. */
  used: z.number(),
  /** Reserved for calls in progress. */
  reserved: z.number(),
  limit: z.number(),
  /** ISO 8601; null for a budget that never resets. */
  resetsAt: z.string().nullable(),
});
export type BudgetFacts = z.infer<typeof budgetFactsSchema>;

/** Usage in a month or day. */
const periodSchema = z.object({
  /** `YYYY-MM` or `YYYY-MM-DD`, UTC. */
  period: z.string(),
  /** When the next period begins, ISO 8601. */
  resetsAt: z.string(),
  /** What is charged: the known cost and tokens, and the estimates of calls whose cost or tokens are unknown. */
  usedUsd: z.number(),
  usedTokens: z.number().int(),
  /** The part of it that is an estimate. */
  estimatedUsd: z.number().default(0),
  estimatedTokens: z.number().int().default(0),
  /** Reserved for calls in progress. */
  reservedUsd: z.number(),
  reservedTokens: z.number().int(),
  /** Number of calls with an unknown cost, of which some may be estimated. */
  unpricedCalls: z.number().int(),
});
export type BudgetPeriod = z.infer<typeof periodSchema>;

/** Response of `GET /v1/budget`. */
export const budgetReportSchema = z.object({
  user: z.string(),
  /** The limits in force; null is no limit. */
  limits: z.object({
    monthlyUsd: z.number().nullable(),
    monthlyTokens: z.number().nullable(),
    dailyUsd: z.number().nullable(),
    dailyTokens: z.number().nullable(),
    dailyWarnUsd: z.number().nullable(),
  }),
  /** The limits set for this user. The others are the deployment's. */
  own: userLimitsSchema,
  month: periodSchema,
  day: periodSchema,
});
export type BudgetReport = z.infer<typeof budgetReportSchema>;
