import type { BudgetScope } from '../../contracts/budget.ts';
import type { ResolvedBudgets, ResolvedLimits } from './budget.ts';
import { nanosOf } from './price.ts';

/** An amount at which a user is warned. `at` and `limit` are nano-dollars or tokens, depending on `unit`. */
export interface Warning {
  /** Identifies the warning within its period: `scope:unit:kind`. */
  readonly name: string;
  readonly kind: 'limit' | 'threshold';
  readonly scope: Extract<BudgetScope, 'month' | 'day'>;
  readonly unit: 'usd' | 'tokens';
  readonly at: number;
  readonly limit: number;
}

/** Returns the warnings for a user's limits: one per limit, at the share `warnAt` of it, and one for the daily threshold. */
export function warningsOf(limits: ResolvedLimits, { warnAt }: ResolvedBudgets): Warning[] {
  const warnings: Warning[] = [];
  const add = (
    kind: Warning['kind'],
    scope: Warning['scope'],
    unit: Warning['unit'],
    limit: number | null,
    part: number,
  ) => {
    if (limit === null) return;
    const whole = unit === 'usd' ? nanosOf(limit) : limit;
    const name = `${scope}:${unit}:${kind}`;
    warnings.push({ name, kind, scope, unit, limit: whole, at: Math.ceil(whole * part) });
  };
  add('limit', 'month', 'usd', limits.monthlyUsd, warnAt);
  add('limit', 'month', 'tokens', limits.monthlyTokens, warnAt);
  add('limit', 'day', 'usd', limits.dailyUsd, warnAt);
  add('limit', 'day', 'tokens', limits.dailyTokens, warnAt);
  add('threshold', 'day', 'usd', limits.dailyWarnUsd, 1);
  return warnings;
}
