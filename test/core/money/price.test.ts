import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Usage } from '../../../contracts/session/run.ts';
import { costNanos, nanosOf, usdOf, worstCostNanos, type Price } from '../../../core/money/price.ts';

const flat = (usd: number) => ({ usd, tiers: [] });

function price(parts: Partial<Price> = {}): Price {
  const rates = { input: flat(2.5), output: flat(10), cached: null, reasoning: null, requestUsd: 0 };
  return { ...rates, contextTokens: null, source: 'test', date: null, ...parts };
}

function usage(inputTokens: number | null, outputTokens: number | null, more: Partial<Usage> = {}): Usage {
  return { inputTokens, outputTokens, cachedTokens: null, reasoningTokens: null, ...more };
}

test('a call costs its tokens at the rates for a million', () => {
  expect(usdOf(costNanos(price(), usage(1_000, 100)))).toBe(0.0035);
  expect(costNanos(price({ requestUsd: 0.005 }), usage(0, 0))).toBe(5_000_000);
});

test('cached and reasoning tokens are parts of input and output, at rates of their own', () => {
  const full = price({ cached: flat(0.25), reasoning: flat(20) });
  const parts = { cachedTokens: 400, reasoningTokens: 50 };
  expect(costNanos(full, usage(1_000, 100, parts))).toBe((600 * 2.5 + 400 * 0.25 + 50 * 10 + 50 * 20) * 1_000);
  expect(costNanos(price(), usage(1_000, 100, parts))).toBe(costNanos(price(), usage(1_000, 100)));
  expect(costNanos(full, usage(1_000, 100))).toBe(costNanos(price(), usage(1_000, 100)));
});

test('what is not known stays so, but a free model is free whatever was used', () => {
  expect(costNanos(null, usage(1, 1))).toBeNull();
  expect(costNanos(price(), null)).toBeNull();
  expect(costNanos(price(), usage(10, null))).toBeNull();
  expect(costNanos(price(), usage(null, 10))).toBeNull();
  expect(costNanos(price({ input: flat(0), output: flat(0) }), null)).toBe(0);
  expect(worstCostNanos(null, { inputTokens: 1, outputTokens: 1 })).toBeNull();
  expect(usdOf(null)).toBeNull();
});

test('above a tier every token has the rate of that tier', () => {
  const tiered = price({ input: { usd: 1, tiers: [{ aboveInputTokens: 100, usd: 2 }] } });
  expect(costNanos(tiered, usage(100, 0))).toBe(100_000);
  expect(costNanos(tiered, usage(101, 0))).toBe(202_000);
});

const usd = fc.integer({ min: 0, max: 500_000 }).map((micros) => micros / 1_000);
const rate = fc.record({
  usd,
  tiers: fc.array(fc.record({ aboveInputTokens: fc.integer({ min: 0, max: 1_000_000 }), usd }), { maxLength: 3 }),
});
const prices: fc.Arbitrary<Price> = fc.record({
  input: rate,
  output: rate,
  cached: fc.option(rate),
  reasoning: fc.option(rate),
  requestUsd: usd,
  contextTokens: fc.constant(null),
  source: fc.constant('test'),
  date: fc.constant(null),
});
const sum = (list: readonly number[]) => list.reduce((total, one) => total + one, 0);
const count = fc.integer({ min: 0, max: 2_000_000 });

test('no call within its bounds costs more than its worst case', () => {
  fc.assert(
    fc.property(prices, count, count, fc.double({ min: 0, max: 1, noNaN: true }), (of, input, output, part) => {
      const worst = worstCostNanos(of, { inputTokens: input, outputTokens: output }) ?? -1;
      const used = usage(Math.floor(input * part), Math.floor(output * part), {
        cachedTokens: Math.floor(input * part * part),
        reasoningTokens: Math.floor(output * part * part),
      });
      const cost = costNanos(of, used) ?? Number.NaN;
      expect(Number.isInteger(cost) && Number.isInteger(worst)).toBe(true);
      expect(cost).toBeLessThanOrEqual(worst);
    }),
  );
});

test('sums of costs do not depend on their order, and dollars survive the way there and back', () => {
  const calls = fc.array(fc.tuple(count, count), { maxLength: 50 });
  fc.assert(
    fc.property(prices, calls, (of, all) => {
      const costs = all.map(([input, output]) => costNanos(of, usage(input, output)) ?? Number.NaN);
      expect(sum(costs)).toBe(sum(costs.toReversed()));
      expect(nanosOf(usdOf(sum(costs)))).toBe(sum(costs));
    }),
  );
});
