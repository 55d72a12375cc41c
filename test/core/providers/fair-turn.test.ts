import { expect, test } from 'vitest';
import { placesKept, positionOf, startOf, type Line } from '../../../core/providers/fair-turn.ts';

const ticket = (user: string, place: number, sinceMs = 0) => ({ user, place, sinceMs });

/** Ann has many calls waiting and one grant just behind her; Bob has none yet. */
const line: Line = {
  virtualTime: 10,
  users: [{ user: 'ann', waiting: 500, finish: 11 }],
  due: [ticket('ann', 1), ticket('ann', 2)],
};

test('whoever was served less goes first, however long the other has waited', () => {
  expect(startOf(line, ticket('ann', 1))).toBe(11);
  expect(startOf(line, ticket('bob', 1))).toBe(10);
  expect(positionOf(line, ticket('bob', 1, 99))).toBe(0);
  expect(placesKept(line, ticket('bob', 1, 99))).toBe(0);
});

test('two users with many calls take turns', () => {
  const both: Line = { ...line, users: [...line.users, { user: 'bob', waiting: 3, finish: null }] };
  expect([1, 2, 3].map((place) => positionOf(both, ticket('bob', place)))).toEqual([0, 1, 3]);
  // Bob's three go first, each in its turn; then nobody is between them.
  expect([1, 2, 3, 10].map((place) => positionOf(both, ticket('ann', place)))).toEqual([1, 3, 5, 12]);
});

test('of the same start the one who waits longer goes first', () => {
  const tie: Line = { virtualTime: 0, users: [], due: [ticket('ann', 1, 5)] };
  expect(placesKept(tie, ticket('bob', 1, 6))).toBe(1);
  expect(placesKept(tie, ticket('bob', 1, 4))).toBe(0);
});

test('service from before the present does not count', () => {
  const old: Line = { virtualTime: 10, users: [{ user: 'ann', waiting: 1, finish: 3 }], due: [] };
  expect(startOf(old, ticket('ann', 1))).toBe(10);
});

test('within a user the earlier call goes first', () => {
  expect(placesKept(line, ticket('ann', 2, 0))).toBe(1);
  expect(positionOf(line, ticket('ann', 40))).toBe(39);
});
