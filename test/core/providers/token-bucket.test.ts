import { array, assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { bucketShape, levelAt, msUntil, take, type Bucket } from '../../../core/providers/token-bucket.ts';

test('a tenth of a minute may be taken at once, and the rest flows in evenly', () => {
  expect(bucketShape(60)).toEqual({ capacity: 6, perMs: 55 / 60_000 });
  expect(bucketShape(1)).toEqual({ capacity: 1, perMs: 1 / 60_000 });
  expect(levelAt(null, 60, 0)).toBe(6);
  const empty = take(null, 60, 6, 0);
  expect(levelAt(empty, 60, 60_000)).toBe(6);
  expect(msUntil(empty, 60, 1, 0)).toBe(Math.ceil(60_000 / 55));
  expect(msUntil(null, 60, 1, 0)).toBe(0);
});

test('what is taken beyond what there is, is owed', () => {
  const owing = take(null, 60, 17, 0);
  expect(levelAt(owing, 60, 0)).toBe(-11);
  expect(levelAt(owing, 60, 12_000)).toBeCloseTo(0);
});

test('a limit that is set lower or higher is in force at once', () => {
  const full = take(null, 1_000, 0, 0);
  expect(levelAt(full, 60, 1)).toBe(6);
});

test('whoever takes only what is there never takes more than the limit in any minute', () => {
  const gaps = array(integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 400 });
  assert(
    property(integer({ min: 1, max: 90 }), gaps, (perMinute, waits) => {
      let bucket: Bucket | null = null;
      let now = 1_700_000_000_000;
      const taken: number[] = [];
      for (const gap of waits) {
        now += gap;
        for (let burst = 0; burst < 3 && levelAt(bucket, perMinute, now) >= 1; burst += 1) {
          bucket = take(bucket, perMinute, 1, now);
          taken.push(now);
        }
      }
      for (const [index, from] of taken.entries()) {
        const inMinute = taken.slice(index).filter((at) => at < from + 60_000).length;
        expect(inMinute).toBeLessThanOrEqual(perMinute);
      }
    }),
  );
});

test('after the time it names there is as much as was asked for', () => {
  assert(
    property(integer({ min: 1, max: 5_000 }), integer({ min: 0, max: 100 }), (perMinute, debt) => {
      const { capacity } = bucketShape(perMinute);
      const bucket = take(null, perMinute, capacity + debt, 1_000);
      const wait = msUntil(bucket, perMinute, 1, 1_000);
      expect(levelAt(bucket, perMinute, 1_000 + wait)).toBeGreaterThanOrEqual(1 - 1e-6);
      expect(wait > 1 && levelAt(bucket, perMinute, 1_000 + wait - 2) >= 1).toBe(false);
    }),
  );
});
