import type { UserLimits } from '../../contracts/budget.ts';
import type { Returning } from '../log/append-events.ts';
import type { Spending } from './warn-of-budgets.ts';

/** A column of the limits that an operator has set for the user in `$1`; null for none. */
export const ownLimitsColumn = '(SELECT limits FROM perdure.user_budgets WHERE user_id = $1) AS "ownLimits"';

/** Columns of what the user in `$1` has spent on the day in the parameter `day`, and of the warnings of the day and its month. */
export const spentColumns = (day: string): string => `
         (SELECT coalesce(sum(cost_nanos + estimated_nanos), 0)::float8 FROM perdure.usage_days
           WHERE user_id = $1 AND day = ${day}::text::date) AS "spentToday",
         (SELECT coalesce(json_agg(budget), '[]') FROM perdure.budget_warnings
           WHERE user_id = $1 AND period IN (${day}::text, left(${day}::text, 7))) AS warned`;

/** The limits that an operator has set for the user, for a statement that saves something else. */
export const OWN_LIMITS: Returning<UserLimits | null> = {
  columns: () => ownLimitsColumn,
  read: ({ ownLimits }) => ownLimits as UserLimits | null,
};

const spendingColumns = (day: string): string => `${ownLimitsColumn},${spentColumns(day)}`;

/** What the user has spent on a day, for a statement that saves something else. */
export function spendingOn(day: string): Returning<Spending> {
  return {
    columns: spendingColumns,
    param: day,
    read: ({ ownLimits, spentToday, warned }) => ({ ownLimits, spentToday, warned }) as Spending,
  };
}
