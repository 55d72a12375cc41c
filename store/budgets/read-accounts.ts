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
import { IS_IN_FLIGHT, readPeriods } from './read-periods.ts';

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

/** The estimate of a call in progress is part of its reservation. */
const SETTLED = `FILTER (WHERE outcome <> 'running')`;

/** What the calls of a session or run have used and reserved, and its children: for those that have not ended their shares are reserved. */
async function readSpent(tx: Tx, key: SessionKey, runId: string | null): Promise<BudgetUsage> {
  const [spent] = await tx.query<BudgetUsage>(
    `SELECT (own.used_nanos + children.used_nanos)::float8 AS "usedNanos",
            (own.used_tokens + children.used_tokens)::float8 AS "usedTokens",
            (own.held_nanos + children.held_nanos)::float8 AS "reservedNanos",
            (own.held_tokens + children.held_tokens)::float8 AS "reservedTokens",
            (own.in_flight_nanos + children.held_nanos)::float8 AS "inFlightNanos",
            (own.in_flight_tokens + children.held_tokens)::float8 AS "inFlightTokens"
       FROM (SELECT coalesce(sum(coalesce(cost_nanos, 0) + coalesce(estimated_nanos, 0)) ${SETTLED}, 0) AS used_nanos,
                    coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
                                 + coalesce(estimated_input_tokens, 0) + coalesce(estimated_output_tokens, 0)) ${SETTLED}, 0)
                      AS used_tokens,
                    coalesce(sum(held_nanos), 0) AS held_nanos,
                    coalesce(sum(held_tokens), 0) AS held_tokens,
                    coalesce(sum(held_nanos) FILTER (WHERE ${IS_IN_FLIGHT}), 0) AS in_flight_nanos,
                    coalesce(sum(held_tokens) FILTER (WHERE ${IS_IN_FLIGHT}), 0) AS in_flight_tokens
               FROM perdure.model_calls c
              WHERE user_id = $1 AND session_id = $2 AND ($3::text IS NULL OR run_id = $3)) own,
            (SELECT coalesce(sum(used_nanos), 0) AS used_nanos, coalesce(sum(used_tokens), 0) AS used_tokens,
                    coalesce(sum(held_nanos), 0) AS held_nanos, coalesce(sum(held_tokens), 0) AS held_tokens
               FROM perdure.child_runs
              WHERE user_id = $1 AND session_id = $2 AND ($3::text IS NULL OR run_id = $3)) children`,
    [key.user, key.session, runId],
  );
  return spent as BudgetUsage;
}
