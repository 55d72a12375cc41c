import type { BudgetFacts, BudgetScope, BudgetSettings, RunBudget, UserLimits } from '../../contracts/budget.ts';
import { formatUsd } from '../text/format-usd.ts';
import { omitUndefined } from '../omit-undefined.ts';
import { nanosOf, usdOf } from './price.ts';

/** A user's limits with all defaults applied; null is no limit. */
export type ResolvedLimits = Readonly<Record<keyof UserLimits, number | null>>;

const NO_LIMITS: ResolvedLimits = {
  monthlyUsd: null,
  monthlyTokens: null,
  dailyUsd: null,
  dailyTokens: null,
  dailyWarnUsd: 10,
};

/** Budget settings of a deployment with all defaults applied. Limits set for a single user are not included. */
export interface ResolvedBudgets {
  readonly limits: ResolvedLimits;
  /** Share of a limit at which to warn: 0 to 1. */
  readonly warnAt: number;
  readonly maxOutputTokens: number;
  readonly unpriced: 'refuse' | 'allow';
}

/** Applies the defaults: no limits, a daily warning at 10 dollars, `warnAt` 0.8, 8,192 output tokens, unpriced models refused. */
export function resolveBudgets(settings: BudgetSettings = {}): ResolvedBudgets {
  const { warnAt = 0.8, maxOutputTokens = 8_192, unpriced = 'refuse', ...limits } = settings;
  return { limits: { ...NO_LIMITS, ...omitUndefined(limits) }, warnAt, maxOutputTokens, unpriced };
}

/** Merges the limits set for a user over the deployment's. A null set for the user removes the deployment's limit. */
export function limitsOf(budgets: ResolvedBudgets, own: UserLimits | null): ResolvedLimits {
  return { ...budgets.limits, ...omitUndefined(own ?? {}) };
}

/** A limited budget and its usage. Amounts are nano-dollars or tokens, depending on `unit`. */
export interface Account {
  readonly scope: BudgetScope;
  readonly unit: 'usd' | 'tokens';
  /** Includes the estimates of calls with unknown usage. */
  readonly used: number;
  /** Reserved for calls that have not been settled. */
  readonly reserved: number;
  /** The part of `reserved` that calls in progress hold: it may soon be free. */
  readonly inFlight: number;
  readonly limit: number;
  /** ISO 8601; null for a budget that never resets. */
  readonly resetsAt: string | null;
}

/** Usage of a period, session or run. */
export interface BudgetUsage {
  readonly usedNanos: number;
  readonly usedTokens: number;
  readonly reservedNanos: number;
  readonly reservedTokens: number;
  readonly inFlightNanos: number;
  readonly inFlightTokens: number;
}

/** Whether any limit is in force, so that model calls must be reserved. */
export function needsReservation(limits: ResolvedLimits, budget: RunBudget): boolean {
  return hasPeriodLimit(limits) || hasSessionLimit(budget) || hasRunLimit(budget);
}

/** Whether the user has a limit per month or day. */
export function hasPeriodLimit({ monthlyUsd, monthlyTokens, dailyUsd, dailyTokens }: ResolvedLimits): boolean {
  return [monthlyUsd, monthlyTokens, dailyUsd, dailyTokens].some((limit) => limit !== null);
}

/** Whether the policy limits the session. */
export function hasSessionLimit({ sessionUsd, sessionTokens }: RunBudget): boolean {
  return sessionUsd !== undefined || sessionTokens !== undefined;
}

/** Whether the policy limits each run. */
export function hasRunLimit({ runUsd, runTokens }: RunBudget): boolean {
  return runUsd !== undefined || runTokens !== undefined;
}

/** Returns the accounts of one scope, one per limited unit. `limits` are in dollars and tokens. */
export function accountsIn(
  scope: BudgetScope,
  spent: BudgetUsage,
  limits: { readonly usd: number | null | undefined; readonly tokens: number | null | undefined },
  resetsAt: string | null,
): Account[] {
  const { usedNanos, usedTokens, reservedNanos, reservedTokens, inFlightNanos, inFlightTokens } = spent;
  const accounts: Account[] = [];
  if (typeof limits.usd === 'number') {
    const limit = nanosOf(limits.usd);
    const amounts = { used: usedNanos, reserved: reservedNanos, inFlight: inFlightNanos };
    accounts.push({ scope, unit: 'usd', ...amounts, limit, resetsAt });
  }
  if (typeof limits.tokens === 'number') {
    const amounts = { used: usedTokens, reserved: reservedTokens, inFlight: inFlightTokens };
    accounts.push({ scope, unit: 'tokens', ...amounts, limit: limits.tokens, resetsAt });
  }
  return accounts;
}

/** Returns the first account that a further call may exceed; null when all accounts suffice. An unknown cost exceeds every limit in dollars. */
export function exceeded(
  accounts: readonly Account[],
  worst: { readonly nanos: number | null; readonly tokens: number },
): Account | null {
  const suffices = ({ unit, used, reserved, limit }: Account) => {
    const amount = unit === 'usd' ? worst.nanos : worst.tokens;
    return amount !== null && used + reserved + amount <= limit;
  };
  return accounts.find((account) => !suffices(account)) ?? null;
}

/** Retry delay when only reservations of calls in progress are in the way: they are released when those calls end. */
const RESERVED_RETRY_MS = 5_000;

/** Returns in how many ms a call that exceeds `account` may succeed; null when waiting does not help. */
export function budgetRetryAfterMs(
  account: Account,
  worst: Parameters<typeof exceeded>[1],
  nowMs: number,
): number | null {
  const fits = (usage: Partial<Account>) => exceeded([{ ...account, ...usage }], worst) === null;
  if (fits({ reserved: account.reserved - account.inFlight })) return RESERVED_RETRY_MS;
  if (account.resetsAt === null || !fits({ used: 0, reserved: 0 })) return null;
  return Math.max(0, Date.parse(account.resetsAt) - nowMs);
}

/** Converts an account to the contract's facts, in dollars or tokens. */
export function factsOf({ scope, unit, used, reserved, limit, resetsAt }: Omit<Account, 'inFlight'>): BudgetFacts {
  const shown = (amount: number) => (unit === 'usd' ? usdOf(amount) : amount);
  return { scope, unit, used: shown(used), reserved: shown(reserved), limit: shown(limit), resetsAt };
}

/** Returns the message for an exceeded budget. `worst` is the worst case of the call of `model`, in the budget's unit; null when its price is unknown. */
export function refusalText(facts: BudgetFacts, worst: number | null, model: string): string {
  const { scope, unit, used, reserved, limit, resetsAt } = facts;
  const shown = (amount: number) => (unit === 'usd' ? formatUsd(amount) : `${amount} tokens`);
  if (worst === null) {
    return (
      `The budget of the ${scope} is ${shown(limit)}, but the model ${JSON.stringify(model)} has no price, so its cost cannot be limited. ` +
      `Set its price under "prices:" in the deployment file (0 if it is free), or set "budgets: { unpriced: allow }".`
    );
  }
  const policy = `the policy budget.${scope}${unit === 'usd' ? 'Usd' : 'Tokens'}`;
  if (worst > limit) {
    const raise = resetsAt === null ? `raise ${policy}` : 'ask an operator to raise the limit (perdure budget)';
    return (
      `A single call of ${JSON.stringify(model)} may use up to ${shown(worst)}, but the whole budget of the ${scope} is ${shown(limit)}. ` +
      `Lower maxOutputTokens of the agent, or ${raise}.`
    );
  }
  const held = reserved > 0 ? ` and ${shown(reserved)} reserved for calls in progress` : '';
  const remedy =
    resetsAt === null
      ? `Raise ${policy}, or start another ${scope}.`
      : `It resets at ${resetsAt}; an operator can raise it (perdure budget).`;
  return `The budget of the ${scope} has ${shown(used)} of ${shown(limit)} used${held}; the next call may use up to ${shown(worst)}. ${remedy}`;
}
