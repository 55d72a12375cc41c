import { expect, test } from 'vitest';
import { reservedSlots, waitersAhead, startTag, type FairQueue } from '../../../core/providers/fair-queue.ts';

const waiter = (user: string, rank: number, sinceMs = 0) => ({ user, rank, sinceMs });

/** Ann has many calls waiting and one grant just behind her; Bob has none yet. */
const queue: FairQueue = {
  virtualTime: 10,
  users: [{ user: 'ann', waiting: 500, finish: 11 }],
  due: [waiter('ann', 1), waiter('ann', 2)],
};

test('whoever was served less goes first, however long the other has waited', () => {
  expect(startTag(queue, waiter('ann', 1))).toBe(11);
  expect(startTag(queue, waiter('bob', 1))).toBe(10);
  expect(waitersAhead(queue, waiter('bob', 1, 99))).toBe(0);
  expect(reservedSlots(queue, waiter('bob', 1, 99))).toBe(0);
});

test('two users with many calls take turns', () => {
  const both: FairQueue = { ...queue, users: [...queue.users, { user: 'bob', waiting: 3, finish: null }] };
  expect([1, 2, 3].map((rank) => waitersAhead(both, waiter('bob', rank)))).toEqual([0, 1, 3]);
  // Bob's three go first, each in its turn; then nobody is between them.
  expect([1, 2, 3, 10].map((rank) => waitersAhead(both, waiter('ann', rank)))).toEqual([1, 3, 5, 12]);
});

test('of the same start the one who waits longer goes first', () => {
  const tie: FairQueue = { virtualTime: 0, users: [], due: [waiter('ann', 1, 5)] };
  expect(reservedSlots(tie, waiter('bob', 1, 6))).toBe(1);
  expect(reservedSlots(tie, waiter('bob', 1, 4))).toBe(0);
});

test('service from before the present does not count', () => {
  const old: FairQueue = { virtualTime: 10, users: [{ user: 'ann', waiting: 1, finish: 3 }], due: [] };
  expect(startTag(old, waiter('ann', 1))).toBe(10);
});

test('within a user the earlier call goes first', () => {
  expect(reservedSlots(queue, waiter('ann', 2, 0))).toBe(1);
  expect(waitersAhead(queue, waiter('ann', 40))).toBe(39);
});
