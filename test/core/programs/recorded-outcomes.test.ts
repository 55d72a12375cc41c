import { expect, test } from 'vitest';
import { RecordedOutcomes } from '../../../core/programs/recorded-outcomes.ts';

test('outcomes are given in their order, however the program makes the calls', async () => {
  const outcomes = new RecordedOutcomes([2, 1, 3]);
  const given: number[] = [];
  const calls = [1, 2, 3].map((index) => outcomes.turnOf(index).then(() => given.push(index)));
  await Promise.all(calls);
  await outcomes.given;
  expect(given).toEqual([2, 1, 3]);
});

test('an outcome waits for those before it', async () => {
  const outcomes = new RecordedOutcomes([2, 1]);
  let first = false;
  const one = outcomes.turnOf(1).then(() => (first = true));
  await Promise.resolve();
  expect(first).toBe(false);
  await outcomes.turnOf(2);
  await one;
  expect(first).toBe(true);
});

test('without recorded outcomes there is nothing to wait for', async () => {
  const outcomes = new RecordedOutcomes([]);
  await outcomes.given;
  expect(outcomes.hasDiverged(0)).toBe(false);
});

test('a program that waits without the call that is next has diverged', () => {
  const outcomes = new RecordedOutcomes([1, 2]);
  void outcomes.turnOf(1);
  // It has not been given the first outcome yet.
  expect(outcomes.hasDiverged(0)).toBe(false);
  expect(outcomes.hasDiverged(1)).toBe(true);
  void outcomes.turnOf(2);
  expect(outcomes.hasDiverged(1)).toBe(false);
});
