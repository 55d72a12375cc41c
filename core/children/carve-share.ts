import type { ChildBudget } from '../../contracts/capabilities/agent-tool.ts';
import type { Account } from '../money/budget.ts';
import { nanosOf } from '../money/price.ts';

/** What a child may spend. Null: no limit. */
export interface Share {
  readonly nanos: number | null;
  readonly tokens: number | null;
}

export interface ShareRequest {
  /** What the tool sets for each child. */
  readonly set: ChildBudget;
  /** The limit that the child's own policy sets; it never has more. */
  readonly own: ChildBudget;
}

/**
 * The shares of the children that one reply makes, in order, of what is left of the budgets of their parent's run and session.
 * A child gets what its tool sets, or as much of it as is left. The others get equal parts, and one such part stays with the
 * parent. Null for a child for which nothing is left.
 */
export function carveShares(accounts: readonly Account[], requests: readonly ShareRequest[]): (Share | null)[] {
  const left = { usd: leftIn(accounts, 'usd'), tokens: leftIn(accounts, 'tokens') };
  const parts = { usd: 1, tokens: 1 };
  for (const { set } of requests) {
    if (set.usd === undefined) parts.usd += 1;
    if (set.tokens === undefined) parts.tokens += 1;
  }
  const carve = (unit: 'usd' | 'tokens', { set, own }: ShareRequest): number | null => {
    const most = least([amountOf(unit, set[unit]), amountOf(unit, own[unit])]);
    const rest = left[unit];
    if (rest === null) return most;
    const part = set[unit] === undefined ? Math.floor(rest / parts[unit]) : rest;
    if (set[unit] === undefined) parts[unit] -= 1;
    const share = Math.max(0, least([most, part]) ?? 0);
    left[unit] = rest - share;
    return share;
  };
  return requests.map((request) => {
    const share = { nanos: carve('usd', request), tokens: carve('tokens', request) };
    if (share.nanos !== 0 && share.tokens !== 0) return share;
    // What was carved in the other unit is free for the next one.
    left.usd = left.usd === null ? null : left.usd + (share.nanos ?? 0);
    left.tokens = left.tokens === null ? null : left.tokens + (share.tokens ?? 0);
    return null;
  });
}

function leftIn(accounts: readonly Account[], unit: 'usd' | 'tokens'): number | null {
  const amounts = accounts.filter((account) => account.unit === unit);
  return least(amounts.map(({ limit, used, reserved }) => Math.max(0, limit - used - reserved)));
}

function amountOf(unit: 'usd' | 'tokens', amount: number | undefined): number | null {
  if (amount === undefined) return null;
  return unit === 'usd' ? nanosOf(amount) : amount;
}

function least(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((amount) => amount !== null);
  return known.length > 0 ? Math.min(...known) : null;
}
