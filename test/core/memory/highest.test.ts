import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { highest } from '../../../core/memory/highest.ts';

test('the highest values are among those returned, in ascending order of their indexes', () => {
  const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { maxLength: 50 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 60 }), (given, count) => {
      const found = [...highest(Float32Array.from(given), count)];
      const best = [...given.keys()].toSorted((a, b) => (given[b] ?? 0) - (given[a] ?? 0)).slice(0, count);
      const least = given[best.at(-1) ?? 0] ?? 0;

      expect(found).toEqual(found.toSorted((a, b) => a - b));
      expect(found.length).toBeGreaterThanOrEqual(best.length);
      expect(found).toEqual(expect.arrayContaining([...given.keys()].filter((index) => (given[index] ?? 0) > least)));
    }),
  );
});

test('of values that are far apart, no more than asked for are returned', () => {
  const values = Float32Array.from({ length: 1_000 }, (_, index) => (index * 7) % 1_000);

  expect([...highest(values, 3)].map((index) => values[index])).toEqual(expect.arrayContaining([999, 998, 997]));
  expect(highest(values, 3)).toHaveLength(3);
});
