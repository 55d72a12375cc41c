import type { BudgetUsage } from '../../core/money/budget.ts';
import { firstOfMonth } from '../../core/money/utc-period.ts';
import type { Tx } from '../db/db.ts';

/** A user's usage in a period. */
export interface PeriodUsage extends BudgetUsage {
  /** Number of calls with an unknown cost. */
  readonly unpricedCalls: number;
  /** The part of the usage that is an estimate. */
  readonly estimatedNanos: number;
  readonly estimatedTokens: number;
}

/** Reads a user's usage over all sessions in the month and on the day of `day`, `YYYY-MM-DD`. */
export async function readPeriods(
  tx: Tx,
  user: string,
  day: string,
): Promise<{ readonly month: PeriodUsage; readonly day: PeriodUsage }> {
  const rows = await tx.query<PeriodUsage>(READ, [user, firstOfMonth(day), day]);
  return { month: rows[0] as PeriodUsage, day: rows[1] as PeriodUsage };
}

/** SQL condition on `perdure.model_calls c`: the call is in progress. Older versions have left reservations of others. */
export const IS_IN_FLIGHT = `(c.outcome = 'running' AND EXISTS (
  SELECT 1 FROM perdure.runs r
   WHERE r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
     AND r.status IN ('queued', 'running', 'waiting')))`;

/** One row for the month, then one for the day. MATERIALIZED, so that the rows of the month are read once. */
const READ = `
  WITH used AS MATERIALIZED (
    SELECT day, cost_nanos, input_tokens + output_tokens AS tokens, unpriced_calls, held_nanos, held_tokens,
           estimated_nanos, estimated_input_tokens + estimated_output_tokens AS estimated_tokens
      FROM perdure.usage_days
     WHERE user_id = $1 AND day >= $2::date AND day < $2::date + interval '1 month'
  ), held AS MATERIALIZED (
    SELECT day, held_nanos, held_tokens, ${IS_IN_FLIGHT} AS in_flight
      FROM perdure.model_calls c
     WHERE user_id = $1 AND day >= $2::date AND day < $2::date + interval '1 month'
       AND (held_nanos > 0 OR held_tokens > 0)
     UNION ALL
    SELECT day, held_nanos, held_tokens, false FROM used
  )
  SELECT (SELECT coalesce(sum(cost_nanos + estimated_nanos), 0)::float8 FROM used WHERE p.whole OR day = $3::date) AS "usedNanos",
         (SELECT coalesce(sum(tokens + estimated_tokens), 0)::float8 FROM used WHERE p.whole OR day = $3::date) AS "usedTokens",
         (SELECT coalesce(sum(estimated_nanos), 0)::float8 FROM used WHERE p.whole OR day = $3::date) AS "estimatedNanos",
         (SELECT coalesce(sum(estimated_tokens), 0)::float8 FROM used WHERE p.whole OR day = $3::date) AS "estimatedTokens",
         (SELECT coalesce(sum(unpriced_calls), 0)::integer FROM used WHERE p.whole OR day = $3::date) AS "unpricedCalls",
         (SELECT coalesce(sum(held_nanos), 0)::float8 FROM held WHERE p.whole OR day = $3::date) AS "reservedNanos",
         (SELECT coalesce(sum(held_tokens), 0)::float8 FROM held WHERE p.whole OR day = $3::date) AS "reservedTokens",
         (SELECT coalesce(sum(held_nanos), 0)::float8 FROM held
           WHERE in_flight AND (p.whole OR day = $3::date)) AS "inFlightNanos",
         (SELECT coalesce(sum(held_tokens), 0)::float8 FROM held
           WHERE in_flight AND (p.whole OR day = $3::date)) AS "inFlightTokens"
    FROM (VALUES (1, true), (2, false)) AS p (place, whole)
   ORDER BY p.place`;
