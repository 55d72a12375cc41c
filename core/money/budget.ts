import type { BudgetFacts, BudgetScope, BudgetSettings, RunBudget, UserLimits } from '../../contracts/budget.ts';
import { formatUsd } from '../text/format-usd.ts';
import { omitUndefined } from '../omit-undefined.ts';
import { nanosOf, usdOf } from './price.ts';

/** A user's limits with nothing left open; null is no limit. */
export type ResolvedLimits = Readonly<Record<keyof UserLimits, number | null>>;

const NO_LIMITS: ResolvedLimits = {
  monthlyUsd: null,
  monthlyTokens: null,
  dailyUsd: null,
  dailyTokens: null,
  dailyWarnUsd: 10,
};

/** Budget settings with nothing left open, but for a user's own limits. */
export interface ResolvedBudgets {
  readonly limits: ResolvedLimits;
  readonly warnAt: number;
  readonly maxOutputTokens: number;
  readonly unpriced: 'refuse' | 'allow';
}

export function resolveBudgets(settings: BudgetSettings = {}): ResolvedBudgets {
  const { warnAt = 0.8, maxOutputTokens = 8_192, unpriced = 'refuse', ...limits } = settings;
  return { limits: { ...NO_LIMITS, ...omitUndefined(limits) }, warnAt, maxOutputTokens, unpriced };
}

/** A user's limits: their own where set, null included, else the deployment's. */
export function limitsOf(budgets: ResolvedBudgets, own: UserLimits | null): ResolvedLimits {
  return { ...budgets.limits, ...omitUndefined(own ?? {}) };
}

/** One budget: what has gone of it and how far it goes. Nano-dollars or tokens, as `unit` says. */
export interface Account {
  readonly scope: BudgetScope;
  readonly unit: 'usd' | 'tokens';
  readonly used: number;
  readonly reserved: number;
  readonly limit: number;
  /** ISO 8601; null where it never resets. */
  readonly resetsAt: string | null;
}

/** What has gone in a period, session or run. */
export interface Spent {
  readonly usedNanos: number;
  readonly usedTokens: number;
  readonly reservedNanos: number;
  readonly reservedTokens: number;
}

/** Whether anything is limited, so that a call must be reserved. */
export function isLimited(limits: ResolvedLimits, budget: RunBudget): boolean {
  return limitsPeriod(limits) || limitsSession(budget) || limitsRun(budget);
}

export function limitsPeriod({ monthlyUsd, monthlyTokens, dailyUsd, dailyTokens }: ResolvedLimits): boolean {
  return [monthlyUsd, monthlyTokens, dailyUsd, dailyTokens].some((limit) => limit !== null);
}

export function limitsSession({ sessionUsd, sessionTokens }: RunBudget): boolean {
  return sessionUsd !== undefined || sessionTokens !== undefined;
}

export function limitsRun({ runUsd, runTokens }: RunBudget): boolean {
  return runUsd !== undefined || runTokens !== undefined;
}

/** The accounts of one scope that are limited. */
export function accountsIn(
  scope: BudgetScope,
  spent: Spent,
  limits: { readonly usd: number | null | undefined; readonly tokens: number | null | undefined },
  resetsAt: string | null,
): Account[] {
  const { usedNanos, usedTokens, reservedNanos, reservedTokens } = spent;
  const accounts: Account[] = [];
  if (typeof limits.usd === 'number') {
    const limit = nanosOf(limits.usd);
    accounts.push({ scope, unit: 'usd', used: usedNanos, reserved: reservedNanos, limit, resetsAt });
  }
  if (typeof limits.tokens === 'number') {
    accounts.push({
      scope,
      unit: 'tokens',
      used: usedTokens,
      reserved: reservedTokens,
      limit: limits.tokens,
      resetsAt,
    });
  }
  return accounts;
}

/** The first account that does not hold what a call may take more. An unknown amount of dollars is not held by any. */
export function exceeded(
  accounts: readonly Account[],
  worst: { readonly nanos: number | null; readonly tokens: number },
): Account | null {
  const holds = ({ unit, used, reserved, limit }: Account) => {
    const more = unit === 'usd' ? worst.nanos : worst.tokens;
    return more !== null && used + reserved + more <= limit;
  };
  return accounts.find((account) => !holds(account)) ?? null;
}

/** When only what is set aside for other calls is in the way, it may soon be free. */
const RESERVED_RETRY_MS = 5_000;

/** In how many ms a call that `account` does not hold may fit; null where that takes another limit, another price or another call. */
export function retryAfterMs(account: Account, worst: Parameters<typeof exceeded>[1], nowMs: number): number | null {
  const fits = (gone: Partial<Account>) => exceeded([{ ...account, ...gone }], worst) === null;
  if (fits({ reserved: 0 })) return RESERVED_RETRY_MS;
  if (account.resetsAt === null || !fits({ used: 0, reserved: 0 })) return null;
  return Math.max(0, Date.parse(account.resetsAt) - nowMs);
}

/** An account as the contracts say it. */
export function factsOf({ scope, unit, used, reserved, limit, resetsAt }: Account): BudgetFacts {
  const shown = (amount: number) => (unit === 'usd' ? usdOf(amount) : amount);
  return { scope, unit, used: shown(used), reserved: shown(reserved), limit: shown(limit), resetsAt };
}

/** Why a budget refuses, in words. `worst` is what a call of `model` would have taken at most; null where its price is not known. */
export function refusalText(facts: BudgetFacts, worst: number | null, model: string): string {
  const { scope, unit, used, reserved, limit, resetsAt } = facts;
  const shown = (amount: number) => (unit === 'usd' ? formatUsd(amount) : `${amount} tokens`);
  if (worst === null) {
    return (
      `The ${scope} is limited to ${shown(limit)}, and the model ${JSON.stringify(model)} has no price, so that its cost cannot be held to that. ` +
      `Set its price under "prices:" in the deployment file (0 where it costs nothing), or "budgets: { unpriced: allow }".`
    );
  }
  const policy = `the policy budget.${scope}${unit === 'usd' ? 'Usd' : 'Tokens'}`;
  if (worst > limit) {
    const who = resetsAt === null ? `raise ${policy}` : 'an operator can raise the limit (perdure budget)';
    return (
      `One call of ${JSON.stringify(model)} may take up to ${shown(worst)}, and the budget of the ${scope} is ${shown(limit)} in all. ` +
      `Give the agent a lower maxOutputTokens, or ${who}.`
    );
  }
  const set = reserved > 0 ? ` and ${shown(reserved)} set aside for calls under way or whose use is not known` : '';
  const remedy =
    resetsAt === null
      ? `Raise ${policy}, or begin another ${scope}.`
      : `It resets at ${resetsAt}; an operator can raise it (perdure budget).`;
  return `The budget of the ${scope} has ${shown(used)} of ${shown(limit)} used${set}; the next call may take up to ${shown(worst)}. ${remedy}`;
}
