import type { BudgetPeriod, BudgetReport } from '../../contracts/budget.ts';
import { limitsOf, type ResolvedBudgets } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import { monthOf, nextDay, nextMonth } from '../../core/money/utc-period.ts';
import type { Db } from '../db/db.ts';
import { readPeriods, type PeriodUsage } from './read-periods.ts';
import { readUserLimits } from './user-budgets.ts';

/** Reads a user's limits and their usage in the month and on the day of `day`, `YYYY-MM-DD`. */
export async function readBudget(db: Db, user: string, budgets: ResolvedBudgets, day: string): Promise<BudgetReport> {
  const [own, spent] = await Promise.all([readUserLimits(db, user), readPeriods(db, user, day)]);
  return {
    user,
    limits: limitsOf(budgets, own),
    own: own ?? {},
    month: periodOf(monthOf(day), nextMonth(day), spent.month),
    day: periodOf(day, nextDay(day), spent.day),
  };
}

function periodOf(period: string, resetsAt: string, spent: PeriodUsage): BudgetPeriod {
  const { usedTokens, estimatedTokens, reservedTokens, unpricedCalls } = spent;
  return {
    period,
    resetsAt,
    usedUsd: usdOf(spent.usedNanos),
    usedTokens,
    estimatedUsd: usdOf(spent.estimatedNanos),
    estimatedTokens,
    reservedUsd: usdOf(spent.reservedNanos),
    reservedTokens,
    unpricedCalls,
  };
}
