import type { Cost } from '../../contracts/usage.ts';
import { formatCount } from '../render/format-count.ts';
import { formatUsd } from '../../core/text/format-usd.ts';

/** A sum in a table: what is known, and of how many calls it is not. */
export function formatPartial(known: string, nothing: boolean, unknownCalls: number): string {
  if (unknownCalls === 0) return known;
  const unknown = `${unknownCalls.toLocaleString('en')} unknown`;
  return nothing ? unknown : `${known} and ${unknown}`;
}

/** A cost in a table. */
export function formatPartialCost({ knownCostUsd, unpricedCalls }: Cost): string {
  return formatPartial(formatUsd(knownCostUsd), knownCostUsd === 0, unpricedCalls);
}

/** What to say under a table whose sums are not all known. */
export function unknownNotes(total: { calls: number; unmeteredCalls: number; unpricedCalls: number }): string[] {
  return [
    ...unknownNote('The tokens', 'are', total.unmeteredCalls, total.calls),
    ...unknownNote('The cost', 'is', total.unpricedCalls, total.calls),
  ];
}

function unknownNote(what: string, are: string, unknown: number, calls: number): string[] {
  if (unknown === 0) return [];
  if (unknown === calls)
    return [`${what} of ${calls === 1 ? 'the call' : `all ${formatCount(calls, 'call')}`} ${are} not known.`];
  const part = `${what} of ${unknown.toLocaleString('en')} of ${formatCount(calls, 'call')} ${are} not known`;
  return [`${part}: what is shown is at least that.`];
}
