import type { Cost } from '../contracts/usage.ts';
import { count, money } from './show-text.ts';

/** A sum in a table: what is known, and of how many calls it is not. */
export function knownPart(known: string, nothing: boolean, unknownCalls: number): string {
  if (unknownCalls === 0) return known;
  const unknown = `${unknownCalls.toLocaleString('en')} unknown`;
  return nothing ? unknown : `${known} and ${unknown}`;
}

/** A cost in a table. */
export function costCell({ knownCostUsd, unpricedCalls }: Cost): string {
  return knownPart(money(knownCostUsd), knownCostUsd === 0, unpricedCalls);
}

/** What to say under a table whose sums are not all known. */
export function unknownLines(total: { calls: number; unmeteredCalls: number; unpricedCalls: number }): string[] {
  const line = (what: string, unknown: number) =>
    `The ${what} of ${unknown.toLocaleString('en')} of ${count(total.calls, 'call')} ${what === 'cost' ? 'is' : 'are'} not known: what is shown is at least that.`;
  return [
    ...(total.unmeteredCalls > 0 ? [line('tokens', total.unmeteredCalls)] : []),
    ...(total.unpricedCalls > 0 ? [line('cost', total.unpricedCalls)] : []),
  ];
}
