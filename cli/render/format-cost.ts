import { formatUsd } from '../../core/text/format-usd.ts';
import type { Cost } from '../../contracts/usage.ts';
import { formatCount } from './format-count.ts';

/** A cost, with the number of calls that it does not include because their price is unknown. */
export function formatCost({ costUsd, knownCostUsd, unpricedCalls }: Cost): string {
  if (costUsd !== null) return formatUsd(costUsd);
  const unknown = `unknown for ${formatCount(unpricedCalls, 'call')}`;
  return knownCostUsd === 0 ? unknown : `${formatUsd(knownCostUsd)}, and ${unknown}`;
}
