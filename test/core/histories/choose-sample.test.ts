import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { candidatesOf, chooseSample } from '../../../core/histories/choose-sample.ts';
import { seededRandom } from '../../../core/histories/seeded-random.ts';

const open = Array.from({ length: 1_000 }, (_, at) => ({
  workflowId: `w${at}`,
  runId: `r${at}`,
  startedAtMs: (at * 7_919) % 1_000,
  events: (at * 104_729) % 997,
}));

test('a sample has the oldest, the newest and the longest executions, and random ones', () => {
  const candidates = candidatesOf(open, 40, seededRandom(1));
  expect(candidates).toHaveLength(160);
  const sample = chooseSample(candidates, 40, seededRandom(1));
  const of = (stratum: string) => sample.filter((one) => one.stratum === stratum);
  expect(of('oldest').map(({ startedAtMs }) => startedAtMs)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(of('newest').map(({ startedAtMs }) => startedAtMs)).toEqual([
    999, 998, 997, 996, 995, 994, 993, 992, 991, 990,
  ]);
  const lengths = of('longest').map(({ events }) => events);
  const others = candidates.filter((one) => !sample.some(({ runId }) => runId === one.runId));
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(Math.max(...others.map(({ events }) => events)));
  expect(of('random')).toHaveLength(10);
});

function choose(seed: number): string[] {
  return chooseSample(candidatesOf(open, 20, seededRandom(seed)), 20, seededRandom(seed)).map(({ runId }) => runId);
}

test('the same seed chooses the same executions, another one chooses others', () => {
  expect(choose(1)).toEqual(choose(1));
  expect(choose(1)).not.toEqual(choose(2));
});

test('a sample has no execution twice, and all of them if there are no more than its size', () => {
  assert(
    property(integer({ min: 0, max: 60 }), integer({ min: 1, max: 60 }), integer(), (count, size, seed) => {
      const random = seededRandom(seed);
      const sample = chooseSample(candidatesOf(open.slice(0, count), size, random), size, random);
      expect(new Set(sample.map(({ runId }) => runId)).size).toBe(Math.min(count, size));
    }),
  );
});
