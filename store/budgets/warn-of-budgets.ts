import type { UserLimits } from '../../contracts/budget.ts';
import { factsOf, limitsOf, type ResolvedBudgets } from '../../core/money/budget.ts';
import { warningsOf, type Warning } from '../../core/money/budget-warnings.ts';
import { monthOf, nextDay, nextMonth } from '../../core/money/utc-period.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { readPeriods } from './read-periods.ts';
import { lockUserLimits } from './user-budgets.ts';
import type { UsageDayRow } from '../log/sums.ts';

/** The share of a threshold from which each commit reads what all sessions of the user have spent. */
const CHECKED_FROM = 0.1;

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
 * sessions. The user's row serialises the commits of sessions that run side by side, so that the last of them sees what the
 * others spent. Runs no statement for a user without limits who is below a tenth of the daily threshold.
 */
export async function warnOfBudgets(
  tx: Tx,
  { key }: LockedSession,
  pending: PendingEvents,
  { runId, added, budgets, spending }: WarnInput,
): Promise<void> {
  if (!mayBeDue(added, budgets, spending)) return;
  const open = openWarnings(budgets, spending);
  const addedNanos = nanosOf(added);
  await lockUserLimits(tx, key.user);
  const spent = await readPeriods(tx, key.user, added.day);
  const addedTokens =
    added.input_tokens + added.output_tokens + added.estimated_input_tokens + added.estimated_output_tokens;
  for (const warning of open) {
    const { usedNanos, usedTokens, reservedNanos, reservedTokens } = spent[warning.scope];
    const isUsd = warning.unit === 'usd';
    const used = isUsd ? usedNanos + addedNanos : usedTokens + addedTokens;
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

/** Whether {@link warnOfBudgets} has to read what all sessions of the user have spent. */
export function mayBeDue(added: UsageDayRow, budgets: ResolvedBudgets, spending: Spending): boolean {
  // `spentToday` is as old as the call, and other sessions may have spent since.
  const spentNanos = spending.spentToday + nanosOf(added);
  return openWarnings(budgets, spending).some(({ kind, at }) => kind === 'limit' || spentNanos >= at * CHECKED_FROM);
}

function openWarnings(budgets: ResolvedBudgets, { ownLimits, warned }: Spending): Warning[] {
  return warningsOf(limitsOf(budgets, ownLimits), budgets).filter(({ name }) => !warned.includes(name));
}

function nanosOf({ cost_nanos, estimated_nanos }: UsageDayRow): number {
  return cost_nanos + estimated_nanos;
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
