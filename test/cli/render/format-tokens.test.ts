import { expect, test } from 'vitest';
import { formatCost } from '../../../cli/render/format-cost.ts';
import { formatTokens } from '../../../cli/render/format-tokens.ts';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';

const usage = { inputTokens: 1_010, outputTokens: 34, cachedTokens: 0, reasoningTokens: 0 };
const known = { usage, knownUsage: usage, unmeteredCalls: 0, estimatedInputTokens: 0, estimatedOutputTokens: 0 };

test('tokens of a session are a lower bound once those of a call are unknown, with what is estimated for it', () => {
  expect(formatTokens(known)).toBe('1,010 input, 34 output');
  const cancelled = { ...known, usage: UNKNOWN_USAGE, unmeteredCalls: 1 };
  expect(formatTokens(cancelled)).toBe('at least 1,010 input, 34 output; unknown for 1 call');
  expect(formatTokens({ ...cancelled, estimatedInputTokens: 40, estimatedOutputTokens: 6 })).toBe(
    'at least 1,010 input, 34 output; unknown for 1 call (estimated: about 40 input, 6 output)',
  );
  // A gateway of an older version.
  expect(formatTokens({ ...known, usage: UNKNOWN_USAGE, knownUsage: UNKNOWN_USAGE })).toBe(
    'unknown input, unknown output',
  );
});

test('a cost shows what is estimated for the calls of unknown cost', () => {
  const cost = { costUsd: null, knownCostUsd: 0.01, unpricedCalls: 2, estimatedCostUsd: 0.4 };
  expect(formatCost(cost)).toBe('$0.01, and unknown for 2 calls (estimated: about $0.40)');
  expect(formatCost({ ...cost, estimatedCostUsd: 0 })).toBe('$0.01, and unknown for 2 calls');
});
