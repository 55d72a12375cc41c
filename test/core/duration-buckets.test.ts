import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketOf, percentileMs } from '../../core/duration-buckets.ts';

test('percentiles read from buckets are within 10 % of the true ones', () => {
  const duration = fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 150_000_000 }));
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), fc.constantFrom(0.5, 0.95, 0.01, 1), (all, p) => {
      const counts = new Map<number, number>();
      for (const ms of all) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);
      const read = percentileMs(
        [...counts].map(([bucket, count]) => ({ bucket, count })),
        p,
      ) as number;
      const truth = all.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(p * all.length)) - 1] as number;
      // Half a millisecond is the rounding.
      expect(Math.abs(read - truth)).toBeLessThanOrEqual(truth * 0.1 + 0.5);
    }),
  );
});

test('there is no percentile of nothing', () => {
  expect(percentileMs([], 0.5)).toBeNull();
});
