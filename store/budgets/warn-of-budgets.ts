import type { UserLimits } from '../../contracts/budget.ts';
import { factsOf, limitsOf, type ResolvedBudgets } from '../../core/money/budget.ts';
import { warningsOf, type Warning } from '../../core/money/budget-warnings.ts';
import { monthOf, nextDay, nextMonth } from '../../core/money/utc-period.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { readPeriods } from './read-periods.ts';
import type { UsageDayRow } from '../log/rows.ts';

/** A user's spending before a commit adds to it. */
export interface Spending {
  readonly ownLimits: UserLimits | null;
  /** Nano-dollars on this day, UTC. */
  readonly spentToday: number;
  /** Names of the warnings already given for this day and month. */
  readonly warned: readonly string[];
}

/**
 * Adds a `budget.warned` for each budget whose warning level the call reaches, once per user and period over all
 * sessions. Runs no statement for a user without limits who is below the daily threshold.
 */
export async function warnOfBudgets(
  tx: Tx,
  { key }: LockedSession,
  pending: PendingEvents,
  { runId, added, budgets, spending }: WarnInput,
): Promise<void> {
  const limits = limitsOf(budgets, spending.ownLimits);
  const open = warningsOf(limits, budgets).filter(({ name }) => !spending.warned.includes(name));
  const mayBeDue = open.some(({ kind, at }) => kind === 'limit' || spending.spentToday + added.cost_nanos >= at);
  if (!mayBeDue) return;
  const spent = await readPeriods(tx, key.user, added.day);
  for (const warning of open) {
    const { usedNanos, usedTokens, reservedNanos, reservedTokens } = spent[warning.scope];
    const isUsd = warning.unit === 'usd';
    const used = isUsd ? usedNanos + added.cost_nanos : usedTokens + added.input_tokens + added.output_tokens;
    if (used < warning.at || !(await isFirst(tx, key.user, warning, added.day))) continue;
    const { kind, scope, unit, limit } = warning;
    const resetsAt = scope === 'month' ? nextMonth(added.day) : nextDay(added.day);
    const reserved = isUsd ? reservedNanos : reservedTokens;
    pending.add(
      { type: 'budget.warned', runId, kind, ...factsOf({ scope, unit, used, reserved, limit, resetsAt }) },
      null,
    );
  }
}

export interface WarnInput {
  readonly runId: string;
  /** The usage that the commit adds. */
  readonly added: UsageDayRow;
  readonly budgets: ResolvedBudgets;
  readonly spending: Spending;
}

/** Whether this is the first session to give the warning. Concurrent sessions wait on the unique key and get false. */
async function isFirst(tx: Tx, user: string, { name, scope }: Warning, day: string): Promise<boolean> {
  const inserted = await tx.query(
    `INSERT INTO perdure.budget_warnings (user_id, budget, period) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING 1`,
    [user, name, scope === 'month' ? monthOf(day) : day],
  );
  return inserted.length === 1;
}
