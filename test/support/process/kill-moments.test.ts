import { expect, test } from 'vitest';
import { killMoment } from './kill-moments.ts';

test('the moments of enough rounds are before and after each line, in both halves of the time until the next one', () => {
  const [lines, partMs] = [3, 100];
  const moments = Array.from({ length: 2 * (lines + 1) }, (_, round) => killMoment(() => 0.5, round, lines, partMs));
  expect(moments).toEqual([
    ...[0, 1, 2, 3].map((line) => ({ lines: line, delayMs: 25 })),
    ...[0, 1, 2, 3].map((line) => ({ lines: line, delayMs: 75 })),
  ]);
});
