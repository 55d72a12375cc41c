import { z } from 'zod';

const usd = z.number().min(0).max(1e6);
const tokens = z.number().int().min(0).max(1e12);

/** Limits of one user. A limit stops; `dailyWarnUsd` only warns. Null is no limit; what is absent is the deployment's. Months and days are UTC. */
export const userLimitsSchema = z.strictObject({
  monthlyUsd: usd.nullable().optional(),
  monthlyTokens: tokens.nullable().optional(),
  dailyUsd: usd.nullable().optional(),
  dailyTokens: tokens.nullable().optional(),
  dailyWarnUsd: usd.nullable().optional(),
});
export type UserLimits = z.infer<typeof userLimitsSchema>;

/** Limits of one session and of one run, as a policy sets them. */
export const runBudgetSchema = z.strictObject({
  sessionUsd: usd.optional(),
  sessionTokens: tokens.optional(),
  runUsd: usd.optional(),
  runTokens: tokens.optional(),
});
export type RunBudget = z.infer<typeof runBudgetSchema>;

/** What a deployment sets about budgets. */
export const budgetSettingsSchema = userLimitsSchema.extend({
  /** The part of a limit of a month or day at which to warn. Default 0.8. */
  warnAt: z.number().min(0).max(1).optional(),
  /** The longest answer asked of a model, where a limit is in force and the agent sets none. Default 8,192 tokens. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000).optional(),
  /** Calls of a model without a price, where a limit in dollars is in force. Default `refuse`. */
  unpriced: z.enum(['refuse', 'allow']).optional(),
});
export type BudgetSettings = z.infer<typeof budgetSettingsSchema>;

export const budgetScopeSchema = z.enum(['month', 'day', 'session', 'run']);
export type BudgetScope = z.infer<typeof budgetScopeSchema>;

/** A budget that refused or warned. `used`, `reserved` and `limit` are dollars or tokens, as `unit` says. */
export const budgetFactsSchema = z.object({
  scope: budgetScopeSchema,
  unit: z.enum(['usd', 'tokens']),
  /** Known to be spent. */
  used: z.number(),
  /** Set aside for calls that are under way, or whose outcome is not known. */
  reserved: z.number(),
  limit: z.number(),
  /** ISO 8601; null where the budget never resets. */
  resetsAt: z.string().nullable(),
});
export type BudgetFacts = z.infer<typeof budgetFactsSchema>;

/** What was used in a month or day. */
const periodSchema = z.object({
  /** `YYYY-MM` or `YYYY-MM-DD`, UTC. */
  period: z.string(),
  resetsAt: z.string(),
  /** What is known to be spent; with `unpricedCalls` above 0 it was more. */
  usedUsd: z.number(),
  usedTokens: z.number().int(),
  reservedUsd: z.number(),
  reservedTokens: z.number().int(),
  /** Calls whose cost is not known. */
  unpricedCalls: z.number().int(),
});
export type BudgetPeriod = z.infer<typeof periodSchema>;

/** `GET /v1/budget`. */
export const budgetReportSchema = z.object({
  user: z.string(),
  /** As they are in force; null is no limit. */
  limits: z.object({
    monthlyUsd: z.number().nullable(),
    monthlyTokens: z.number().nullable(),
    dailyUsd: z.number().nullable(),
    dailyTokens: z.number().nullable(),
    dailyWarnUsd: z.number().nullable(),
  }),
  /** Those set for this user; the others are the deployment's. */
  own: userLimitsSchema,
  month: periodSchema,
  day: periodSchema,
});
export type BudgetReport = z.infer<typeof budgetReportSchema>;
