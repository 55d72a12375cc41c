import type { Cost } from '../../contracts/usage.ts';
import { formatCount } from '../render/format-count.ts';
import { formatUsd } from '../../core/text/format-usd.ts';

/** A table cell for a sum with unknown parts: `4,310 and 1 unknown`. */
export function formatPartial(known: string, isZero: boolean, unknownCalls: number): string {
  if (unknownCalls === 0) return known;
  const unknown = `${unknownCalls.toLocaleString('en')} unknown`;
  return isZero ? unknown : `${known} and ${unknown}`;
}

/** A table cell for a cost with unknown parts. */
export function formatPartialCost({ knownCostUsd, unpricedCalls }: Cost): string {
  return formatPartial(formatUsd(knownCostUsd), knownCostUsd === 0, unpricedCalls);
}

type ShownSums = Pick<Cost, 'unpricedCalls'> &
  Partial<Cost> & { readonly calls: number; readonly unmeteredCalls: number };

/** The notes below a table with unknown sums. */
export function unknownNotes(total: ShownSums): string[] {
  return [
    ...unknownNote('The tokens', 'are', total.unmeteredCalls, total.calls),
    ...unknownNote('The cost', 'is', total.unpricedCalls, total.calls),
    ...estimateNote(total),
  ];
}

function estimateNote(total: ShownSums): string[] {
  const { estimatedCalls = 0, estimatedInputTokens = 0, estimatedOutputTokens = 0, estimatedCostUsd = 0 } = total;
  if (estimatedCalls === 0) return [];
  const tokens = (estimatedInputTokens + estimatedOutputTokens).toLocaleString('en');
  return [
    `Budgets are charged an estimate for ${formatCount(estimatedCalls, 'call')}, in addition to the sums: about ${tokens} tokens, ${formatUsd(estimatedCostUsd)}.`,
  ];
}

function unknownNote(what: string, verb: string, unknown: number, calls: number): string[] {
  if (unknown === 0) return [];
  if (unknown === calls)
    return [`${what} of ${calls === 1 ? 'the call' : `all ${formatCount(calls, 'call')}`} ${verb} unknown.`];
  const part = `${what} of ${unknown.toLocaleString('en')} of ${formatCount(calls, 'call')} ${verb} unknown`;
  return [`${part}; the sums are lower bounds.`];
}
