import type { ResolvedBudgets } from '../core/money/budget.ts';
import { worstCostNanos } from '../core/money/price.ts';
import type { ModelRequest } from './model-client.ts';
import type { PriceTable } from './price-table.ts';
import { worstCase } from './worst-case.ts';

/** A request whose worst case is finite. */
export type BoundRequest = ModelRequest & { readonly maxOutputTokens: number };

/** The request with a limit on its output, so that its worst case is finite. */
export function withOutputLimit(request: ModelRequest, { maxOutputTokens }: ResolvedBudgets): BoundRequest {
  return { ...request, maxOutputTokens: request.maxOutputTokens ?? maxOutputTokens };
}

/** The worst case of a request to `model` (`provider/model`). `nanos` is null when its price is unknown and `unpriced` is not `allow`. */
export function worstCaseOf(
  { prices }: { readonly prices: PriceTable },
  { unpriced }: ResolvedBudgets,
  model: string,
  request: BoundRequest,
): { readonly nanos: number | null; readonly tokens: number } {
  const price = prices.priceOf(model, new Date().toISOString());
  const worst = worstCase(request, price);
  const nanos = worstCostNanos(price, worst) ?? (unpriced === 'allow' ? 0 : null);
  return { nanos, tokens: worst.inputTokens + worst.outputTokens };
}
