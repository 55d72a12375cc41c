import { expect, test } from 'vitest';
import { COOL, coolDownAfter, isCooling } from '../../../core/providers/cool-down.ts';

test('the time that a provider names is kept', () => {
  const cooling = coolDownAfter(COOL, 7_000, 100);
  expect(cooling).toEqual({ refusals: 1, sinceMs: 100, untilMs: 7_100 });
  expect([100, 7_099, 7_100].map((at) => isCooling(cooling, at))).toEqual([true, true, false]);
});

test('a later refusal never shortens it', () => {
  expect(coolDownAfter(coolDownAfter(COOL, 7_000, 0), 10, 1_000).untilMs).toBe(7_000);
  expect(coolDownAfter(coolDownAfter(COOL, 7_000, 0), 9_000, 1_000).untilMs).toBe(10_000);
});

test('where none is named it doubles from a second to half a minute; refusals of one moment count once', () => {
  let coolDown = COOL;
  const lengths: number[] = [];
  for (let now = 0; now < 7 * 100_000; now += 100_000) {
    coolDown = coolDownAfter(coolDownAfter(coolDown, null, now), null, now);
    lengths.push((coolDown.untilMs ?? 0) - now);
  }
  expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test('nobody is left alone for more than a day', () => {
  expect(coolDownAfter(COOL, 1e12, 0).untilMs).toBe(24 * 3_600_000);
});
