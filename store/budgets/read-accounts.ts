import type { RunBudget } from '../../contracts/budget.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import {
  accountsIn,
  hasPeriodLimit,
  hasRunLimit,
  hasSessionLimit,
  type Account,
  type ResolvedLimits,
  type BudgetUsage,
} from '../../core/money/budget.ts';
import { nextDay, nextMonth } from '../../core/money/utc-period.ts';
import type { Tx } from '../db/db.ts';
import { readPeriods } from './read-periods.ts';

export interface AccountQuery {
  /** The day, `YYYY-MM-DD`; its month is used for monthly limits. */
  readonly day: string;
  readonly limits: ResolvedLimits;
  readonly budget: RunBudget;
  /** Null before there is a run. */
  readonly runId: string | null;
}

/** Reads the limited budgets that apply to a call of this session, the narrowest scope last. Runs no statement for scopes without a limit. */
export async function readAccounts(
  tx: Tx,
  key: SessionKey,
  { day, limits, budget, runId }: AccountQuery,
): Promise<Account[]> {
  const accounts: Account[] = [];
  if (hasPeriodLimit(limits)) {
    const { month, day: today } = await readPeriods(tx, key.user, day);
    const { monthlyUsd, monthlyTokens, dailyUsd, dailyTokens } = limits;
    accounts.push(...accountsIn('month', month, { usd: monthlyUsd, tokens: monthlyTokens }, nextMonth(day)));
    accounts.push(...accountsIn('day', today, { usd: dailyUsd, tokens: dailyTokens }, nextDay(day)));
  }
  if (hasSessionLimit(budget)) {
    const spent = await readSpent(tx, key, null);
    accounts.push(...accountsIn('session', spent, { usd: budget.sessionUsd, tokens: budget.sessionTokens }, null));
  }
  if (runId !== null && hasRunLimit(budget)) {
    const spent = await readSpent(tx, key, runId);
    accounts.push(...accountsIn('run', spent, { usd: budget.runUsd, tokens: budget.runTokens }, null));
  }
  return accounts;
}

async function readSpent(tx: Tx, key: SessionKey, runId: string | null): Promise<BudgetUsage> {
  const [spent] = await tx.query<BudgetUsage>(
    `SELECT coalesce(sum(cost_nanos), 0)::float8 AS "usedNanos",
            coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0)::float8 AS "usedTokens",
            coalesce(sum(held_nanos), 0)::float8 AS "reservedNanos",
            coalesce(sum(held_tokens), 0)::float8 AS "reservedTokens"
       FROM perdure.model_calls
      WHERE user_id = $1 AND session_id = $2 AND ($3::text IS NULL OR run_id = $3)`,
    [key.user, key.session, runId],
  );
  return spent as BudgetUsage;
}
