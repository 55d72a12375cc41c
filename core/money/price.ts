import type { Usage } from '../../contracts/session/run.ts';

/** US dollars for a million tokens; a call with more input tokens than `aboveInputTokens` is charged the tier's rate for all of them. */
export interface Rate {
  readonly usd: number;
  readonly tiers: readonly { readonly aboveInputTokens: number; readonly usd: number }[];
}

/** What a model costs, and who says so. */
export interface Price {
  readonly input: Rate;
  readonly output: Rate;
  /** Of input tokens that the provider had cached; null: as other input. */
  readonly cached: Rate | null;
  /** Of output tokens spent on thoughts; null: as other output. */
  readonly reasoning: Rate | null;
  /** For the request itself. */
  readonly requestUsd: number;
  /** Input and output tokens together that the model takes at most; null where that is not known. */
  readonly contextTokens: number | null;
  /** Where the price is from. */
  readonly source: string;
  /** The day since which it is in force, or on which the source was published, `YYYY-MM-DD`; null for an override without one. */
  readonly date: string | null;
}

/** Money is counted in whole billionths of a dollar, so that sums are exact. */
const NANOS_PER_USD = 1e9;
/** A dollar for a million tokens is this for one. */
const NANOS_PER_USD_PER_MILLION = 1_000;

/** Dollars as whole nano-dollars. */
export function nanosOf(usd: number): number {
  return Math.round(usd * NANOS_PER_USD);
}

/** Nano-dollars as dollars; null stays unknown. */
export function usdOf(nanos: number): number;
export function usdOf(nanos: number | null): number | null;
export function usdOf(nanos: number | null): number | null {
  return nanos === null ? null : nanos / NANOS_PER_USD;
}

/**
 * What a call cost, in nano-dollars. Null where the price or the tokens are not known, unless the model is free. Cached
 * and reasoning tokens are parts of input and output; those that a provider does not tell apart cost as the rest.
 */
export function costNanos(price: Price | null, usage: Usage | null): number | null {
  if (!price) return null;
  if (isFree(price)) return 0;
  const { inputTokens: input = null, outputTokens: output = null } = usage ?? {};
  if (input === null || output === null) return null;
  const cached = Math.min(usage?.cachedTokens ?? 0, input);
  const reasoning = Math.min(usage?.reasoningTokens ?? 0, output);
  const rate = (of: Rate) => rateAt(of, input);
  const usd =
    (input - cached) * rate(price.input) +
    cached * rate(price.cached ?? price.input) +
    (output - reasoning) * rate(price.output) +
    reasoning * rate(price.reasoning ?? price.output);
  return Math.round(usd * NANOS_PER_USD_PER_MILLION + price.requestUsd * NANOS_PER_USD);
}

/** Tokens that a call uses at most. */
export interface WorstCase {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The most that a call of at most so many tokens can cost, in nano-dollars; null where the price is not known. */
export function worstCostNanos(price: Price | null, { inputTokens, outputTokens }: WorstCase): number | null {
  if (!price) return null;
  const dearest = (...rates: readonly (Rate | null)[]) =>
    Math.max(
      ...rates.flatMap((rate) => (rate ? [rate.usd, ...reachable(rate, inputTokens).map(({ usd }) => usd)] : [])),
    );
  const usd = inputTokens * dearest(price.input, price.cached) + outputTokens * dearest(price.output, price.reasoning);
  return Math.ceil(usd * NANOS_PER_USD_PER_MILLION + price.requestUsd * NANOS_PER_USD);
}

function isFree({ input, output, cached, reasoning, requestUsd }: Price): boolean {
  return requestUsd === 0 && [input, output, cached, reasoning].every(isNothing);
}

function isNothing(rate: Rate | null): boolean {
  return rate === null || (rate.usd === 0 && rate.tiers.every(({ usd }) => usd === 0));
}

function rateAt(rate: Rate, inputTokens: number): number {
  const tiers = reachable(rate, inputTokens).toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens);
  return tiers.at(-1)?.usd ?? rate.usd;
}

function reachable({ tiers }: Rate, inputTokens: number): Rate['tiers'] {
  return tiers.filter(({ aboveInputTokens }) => inputTokens > aboveInputTokens);
}
