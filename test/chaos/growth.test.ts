import { expect, test } from 'vitest';
import { growthOf } from '../../chaos/growth.ts';

const NAME = 'worker 1, MiB';

/** 40 samples: `at` of the share of the time that has passed. */
function samples(at: (passed: number) => number) {
  return Array.from({ length: 40 }, (_, index) => ({ [NAME]: at(index / 40), descriptors: 30 }));
}

test('what grows all the time is a fault, with what it was and is', () => {
  expect(growthOf(samples((passed) => 200 + 200 * passed))).toEqual({
    figures: { [NAME]: '275 → 375', descriptors: '30 → 30' },
    faults: [`growth: ${NAME} 275 → 375`],
  });
});

test('what only grows at the beginning, or now and then, is none', () => {
  expect(growthOf(samples((passed) => (passed < 0.25 ? 100 + 800 * passed : 300))).faults).toEqual([]);
  expect(growthOf(samples((passed) => (Math.round(passed * 40) % 4 === 0 ? 900 : 300))).faults).toEqual([]);
});
