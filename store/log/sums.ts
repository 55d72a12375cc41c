import type { Usage } from '../../contracts/session/run.ts';
import type { Cost } from '../../contracts/usage.ts';
import { usdOf } from '../../core/money/price.ts';

// Sums over model calls, in the rows of runs, sessions and days.

/** Sums of tokens. Null is unknown; adding to an unknown sum leaves it unknown. */
export interface TokenColumns {
  input_tokens: number | null;
  output_tokens: number | null;
  cached_tokens: number | null;
  reasoning_tokens: number | null;
}

/** Sums of cost: the known part in nano-dollars, and the number of calls with an unknown cost. */
export interface CostColumns {
  cost_nanos: number;
  unpriced_calls: number;
}

/**
 * Sums over the model calls of a run or a session: the tokens that providers reported, the number of calls without them,
 * and what is charged for calls whose usage or cost is unknown. An estimate is never part of a known sum.
 */
export interface CallSumColumns {
  unmetered_calls: number;
  known_input_tokens: number;
  known_output_tokens: number;
  known_cached_tokens: number;
  known_reasoning_tokens: number;
  estimated_calls: number;
  estimated_input_tokens: number;
  estimated_output_tokens: number;
  estimated_nanos: number;
}

type EstimateColumn = Extract<keyof CallSumColumns, `estimated_${string}`>;

/** What a model call adds to a row of `usage_days`. */
export interface UsageDayRow extends CostColumns {
  readonly day: string;
  readonly agent: string;
  readonly model: string;
  calls: number;
  failed_calls: number;
  unmetered_calls: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  estimated_calls: number;
  estimated_input_tokens: number;
  estimated_output_tokens: number;
  estimated_nanos: number;
}

/** The sums in the row of a run, and of a session. */
export type SumColumns = TokenColumns & CostColumns & CallSumColumns;

/** The columns that may be unknown. */
const TOKENS = [
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'reasoning_tokens',
] as const satisfies readonly (keyof TokenColumns)[];

const KNOWN = [
  'cost_nanos',
  'unpriced_calls',
  'unmetered_calls',
  'known_input_tokens',
  'known_output_tokens',
  'known_cached_tokens',
  'known_reasoning_tokens',
  'estimated_calls',
  'estimated_input_tokens',
  'estimated_output_tokens',
  'estimated_nanos',
] as const satisfies readonly (keyof (CostColumns & CallSumColumns))[];

/** Every column of {@link SumColumns}. */
export const SUM_COLUMNS = [...TOKENS, ...KNOWN] as const;

/** Adds the sums of a run to those of another one, or of a session. */
export function addSums(sum: SumColumns, added: SumColumns): void {
  for (const name of TOKENS) sum[name] = plus(sum[name], added[name]);
  for (const name of KNOWN) sum[name] += added[name];
}

/** No tokens used. */
export const NO_TOKENS: TokenColumns = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0 };

/** Nothing spent. */
export const NO_COST: CostColumns = { cost_nanos: 0, unpriced_calls: 0 };

/** No model calls. */
export const NO_CALL_SUMS: CallSumColumns = {
  unmetered_calls: 0,
  known_input_tokens: 0,
  known_output_tokens: 0,
  known_cached_tokens: 0,
  known_reasoning_tokens: 0,
  estimated_calls: 0,
  estimated_input_tokens: 0,
  estimated_output_tokens: 0,
  estimated_nanos: 0,
};

/** Adds what a model call adds to the user's day to the sums of its run or session. */
export function addCall(sum: CostColumns & CallSumColumns, added: UsageDayRow): void {
  sum.cost_nanos += added.cost_nanos;
  sum.unpriced_calls += added.unpriced_calls;
  sum.unmetered_calls += added.unmetered_calls;
  sum.known_input_tokens += added.input_tokens;
  sum.known_output_tokens += added.output_tokens;
  sum.known_cached_tokens += added.cached_tokens;
  sum.known_reasoning_tokens += added.reasoning_tokens;
  sum.estimated_calls += added.estimated_calls;
  sum.estimated_input_tokens += added.estimated_input_tokens;
  sum.estimated_output_tokens += added.estimated_output_tokens;
  sum.estimated_nanos += added.estimated_nanos;
}

/** Converts a sum of costs and estimates to its fields in the contracts. */
export function costRecordOf(sums: CostColumns & Pick<CallSumColumns, EstimateColumn>): Cost {
  const { cost_nanos: nanos, unpriced_calls: unpriced } = sums;
  const knownCostUsd = usdOf(nanos);
  return {
    costUsd: unpriced > 0 ? null : knownCostUsd,
    knownCostUsd,
    unpricedCalls: unpriced,
    estimatedCalls: sums.estimated_calls,
    estimatedInputTokens: sums.estimated_input_tokens,
    estimatedOutputTokens: sums.estimated_output_tokens,
    estimatedCostUsd: usdOf(sums.estimated_nanos),
  };
}

/** Converts the tokens that providers reported to their fields in the contracts. */
export function knownUsageOf(sums: CallSumColumns): { readonly knownUsage: Usage; readonly unmeteredCalls: number } {
  return {
    knownUsage: {
      inputTokens: sums.known_input_tokens,
      outputTokens: sums.known_output_tokens,
      cachedTokens: sums.known_cached_tokens,
      reasoningTokens: sums.known_reasoning_tokens,
    },
    unmeteredCalls: sums.unmetered_calls,
  };
}

/** Adds a model call's tokens to a sum. A count that the provider did not report makes the sum unknown. */
export function addTokens(sum: TokenColumns, usage: Usage | null): void {
  sum.input_tokens = plus(sum.input_tokens, usage?.inputTokens);
  sum.output_tokens = plus(sum.output_tokens, usage?.outputTokens);
  sum.cached_tokens = plus(sum.cached_tokens, usage?.cachedTokens);
  sum.reasoning_tokens = plus(sum.reasoning_tokens, usage?.reasoningTokens);
}

/** Converts a sum of tokens to `Usage`. */
export function usageOf(sum: TokenColumns): Usage {
  return {
    inputTokens: sum.input_tokens,
    outputTokens: sum.output_tokens,
    cachedTokens: sum.cached_tokens,
    reasoningTokens: sum.reasoning_tokens,
  };
}

function plus(sum: number | null, more: number | null | undefined): number | null {
  return sum === null || more === null || more === undefined ? null : sum + more;
}
