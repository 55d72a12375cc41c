import { expect, test } from 'vitest';
import { nextToTry } from '../../bench/end-to-end/next-to-try.ts';

const tried = (...results: readonly (readonly [number, boolean])[]) => nextToTry(new Map(results));

test('while every number passes, twice the largest is tried', () => {
  expect(tried([100, true], [1_000, true])).toBe(2_000);
});

test('below the smallest number that failed, one between it and the largest that passed is tried', () => {
  expect(tried([100, true], [400, false], [1_000, false])).toBe(200);
});

test('a number that passed beyond one that failed is not taken for the largest', () => {
  expect(tried([100, true], [400, false], [1_000, true])).toBe(200);
});

test('when the smallest number failed, half of it is tried', () => {
  expect(tried([100, false])).toBe(50);
});

test('nothing more is tried when the largest that passed is within a quarter of the smallest that failed', () => {
  expect(tried([800, true], [1_000, false])).toBeUndefined();
});
