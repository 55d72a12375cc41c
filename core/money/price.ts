import type { Usage } from '../../contracts/session/run.ts';

/** US dollars per million tokens. A call with more input tokens than a tier's `aboveInputTokens` is charged that tier's rate for all of its tokens. */
export interface Rate {
  readonly usd: number;
  readonly tiers: readonly { readonly aboveInputTokens: number; readonly usd: number }[];
}

/** The price of a model and its source. */
export interface Price {
  readonly input: Rate;
  readonly output: Rate;
  /** Rate of cached input tokens; null: the input rate. */
  readonly cached: Rate | null;
  /** Rate of reasoning tokens; null: the output rate. */
  readonly reasoning: Rate | null;
  /** Charged per request, in US dollars. */
  readonly requestUsd: number;
  /** Context window: maximum of input and output tokens together; null when unknown. */
  readonly contextTokens: number | null;
  /** Where the price is taken from. */
  readonly source: string;
  /** The first day on which the price is in force, or the day on which the source was published, `YYYY-MM-DD`. Null for an override without a date. */
  readonly date: string | null;
}

/** Money is stored in whole nano-dollars, so that sums are exact. */
const NANOS_PER_USD = 1e9;
/** Converts US dollars per million tokens to nano-dollars per token. */
const NANOS_PER_USD_PER_MILLION = 1_000;

/** Converts dollars to nano-dollars, rounded. */
export function nanosOf(usd: number): number {
  return Math.round(usd * NANOS_PER_USD);
}

/** Converts nano-dollars to dollars; null stays null. */
export function usdOf(nanos: number): number;
export function usdOf(nanos: number | null): number | null;
export function usdOf(nanos: number | null): number | null {
  return nanos === null ? null : nanos / NANOS_PER_USD;
}

/**
 * Computes the cost of a call in nano-dollars. Null when the price or the tokens are unknown, unless the model is free.
 * Cached and reasoning tokens are parts of input and output; if a provider does not report them, they are charged as
 * the rest.
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

/** The most tokens that a call can use. */
export interface WorstCase {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Computes the maximum cost of a call in nano-dollars, rounded up; null when the price is unknown. */
export function worstCostNanos(price: Price | null, { inputTokens, outputTokens }: WorstCase): number | null {
  if (!price) return null;
  const highest = (...rates: readonly (Rate | null)[]) =>
    Math.max(
      ...rates.flatMap((rate) => (rate ? [rate.usd, ...reachable(rate, inputTokens).map(({ usd }) => usd)] : [])),
    );
  const usd = inputTokens * highest(price.input, price.cached) + outputTokens * highest(price.output, price.reasoning);
  return Math.ceil(usd * NANOS_PER_USD_PER_MILLION + price.requestUsd * NANOS_PER_USD);
}

function isFree({ input, output, cached, reasoning, requestUsd }: Price): boolean {
  return requestUsd === 0 && [input, output, cached, reasoning].every(isZero);
}

function isZero(rate: Rate | null): boolean {
  return rate === null || (rate.usd === 0 && rate.tiers.every(({ usd }) => usd === 0));
}

function rateAt(rate: Rate, inputTokens: number): number {
  const tiers = reachable(rate, inputTokens).toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens);
  return tiers.at(-1)?.usd ?? rate.usd;
}

function reachable({ tiers }: Rate, inputTokens: number): Rate['tiers'] {
  return tiers.filter(({ aboveInputTokens }) => inputTokens > aboveInputTokens);
}
