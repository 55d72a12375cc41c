import type { UserLimits } from '../../contracts/budget.ts';
import type { Usage } from '../../contracts/session/run.ts';
import { needsReservation, limitsOf, resolveBudgets, type ResolvedBudgets } from '../../core/money/budget.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { costNanos } from '../../core/money/price.ts';
import type { CallCost } from '../../store/budgets/model-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** The deployment's budgets, with defaults applied. */
export function budgetsOf({ deployment }: Pick<ActivityDeps, 'deployment'>): ResolvedBudgets {
  return resolveBudgets(deployment.budgets);
}

/** Whether a budget applies to calls of this user under this policy. */
export function hasBudget(budgets: ResolvedBudgets, own: UserLimits | null, policy: ResolvedPolicy): boolean {
  return needsReservation(limitsOf(budgets, own), policy.budget);
}

/** The cost of a call to `model` (`provider/model`). */
export function callCost({ prices }: Pick<ActivityDeps, 'prices'>, model: string, usage: Usage | null): CallCost {
  const price = prices.priceOf(model, new Date().toISOString());
  return { nanos: costNanos(price, usage), priceSource: price?.source ?? null, priceDate: price?.date ?? null };
}

/** The usage of a call that the provider did not process. */
export const NOTHING_USED: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
