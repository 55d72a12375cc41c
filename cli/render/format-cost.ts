import { formatUsd } from '../../core/text/format-usd.ts';
import type { Cost } from '../../contracts/usage.ts';
import { formatCount } from './format-count.ts';

type ShownCost = Pick<Cost, 'costUsd' | 'knownCostUsd' | 'unpricedCalls'> & Partial<Pick<Cost, 'estimatedCostUsd'>>;

/** A cost, with the number of calls that it does not include because theirs is unknown, and what is estimated for those. */
export function formatCost({ costUsd, knownCostUsd, unpricedCalls, estimatedCostUsd = 0 }: ShownCost): string {
  if (costUsd !== null) return formatUsd(costUsd);
  const estimate = estimatedCostUsd > 0 ? ` (estimated: about ${formatUsd(estimatedCostUsd)})` : '';
  const unknown = `unknown for ${formatCount(unpricedCalls, 'call')}${estimate}`;
  return knownCostUsd === 0 ? unknown : `${formatUsd(knownCostUsd)}, and ${unknown}`;
}
