import { array, assert, constantFrom, integer, option, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { decideSlot, type SlotQuery } from '../../../core/providers/decide-slot.ts';
import { providerLimits } from '../../../core/providers/provider-limits.ts';
import { NEW_PROVIDER } from '../../../core/providers/provider-state.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { play, type Served } from './provider-world.ts';

const asked = (changes: Partial<SlotQuery> = {}): SlotQuery => ({
  state: NEW_PROVIDER,
  limits: providerLimits(),
  inFlight: 0,
  trialInFlight: false,
  queue: { virtualTime: 0, users: [], due: [] },
  waiter: { user: 'ann', rank: 1, sinceMs: 0 },
  nowMs: 0,
  random: 0.5,
  ...changes,
});

test('without limits and trouble every call goes', () => {
  expect(decideSlot(asked({ inFlight: 9_999 }))).toMatchObject({ kind: 'grant', trial: false });
});

test('while the circuit is open nobody goes; then one call is tried, and others wait for it', () => {
  const circuit = { failures: 5, openedAtMs: 0, openUntilMs: 60_000 };
  const state = { ...NEW_PROVIDER, circuit };
  expect(decideSlot(asked({ state, nowMs: 20_000 }))).toMatchObject({ kind: 'wait', why: 'circuit', untilMs: 60_000 });
  expect(decideSlot(asked({ state, nowMs: 60_000 }))).toMatchObject({ kind: 'grant', trial: true });
  expect(decideSlot(asked({ state, nowMs: 60_000, trialInFlight: true }))).toMatchObject({
    kind: 'wait',
    why: 'circuit',
  });
});

test('while it cools down nobody goes, and nobody asks again before it is over', () => {
  const state = { ...NEW_PROVIDER, coolDown: { refusals: 1, sinceMs: 0, untilMs: 9_000 } };
  const decision = decideSlot(asked({ state, nowMs: 1_000 }));
  expect(decision).toMatchObject({ kind: 'wait', why: 'cool_down', untilMs: 9_000 });
  expect(decision.kind === 'wait' && decision.delayMs).toBeGreaterThanOrEqual(8_000);
});

test('a free slot is reserved for a waiter that goes first and is due', () => {
  const limits = providerLimits({ concurrency: 2 });
  const users = [{ user: 'ann', waiting: 5, finish: 4 }];
  const due = [{ user: 'bob', rank: 1, sinceMs: 3 }];
  const queue = { virtualTime: 3, users, due };
  expect(decideSlot(asked({ limits, queue, inFlight: 1 }))).toMatchObject({ kind: 'wait', why: 'rate_limit' });
  expect(decideSlot(asked({ limits, queue, inFlight: 0 }))).toMatchObject({ kind: 'grant' });
  expect(decideSlot(asked({ limits, queue: { ...queue, due: [] }, inFlight: 1 }))).toMatchObject({ kind: 'grant' });
});

const someCalls = array(
  record({
    user: constantFrom('ann', 'bob', 'cas', 'dee'),
    atMs: integer({ min: 0, max: 20_000 }),
    durationMs: integer({ min: 1, max: 5_000 }),
  }),
  { minLength: 1, maxLength: 60 },
);

test('however calls come, no more are going than may, no more begin in a minute than may, and each is served', () => {
  const perMinute = option(integer({ min: 1, max: 200 }), { nil: undefined });
  assert(
    property(someCalls, integer({ min: 1, max: 5 }), perMinute, integer(), (calls, concurrency, requests, seed) => {
      const limits = providerLimits({ concurrency, requestsPerMinute: requests });
      const served = play(calls, limits, seededRandom(seed));
      expect(served).toHaveLength(calls.length);
      for (const { grantedMs: at } of served) {
        expect(goingAt(served, at)).toBeLessThanOrEqual(concurrency);
        const begun = served.filter(({ grantedMs }) => grantedMs >= at && grantedMs < at + 60_000).length;
        expect(begun).toBeLessThanOrEqual(requests ?? calls.length);
      }
    }),
    { numRuns: 60 },
  );
});

test('tokens of a minute go over the limit by no more than the calls under way used beyond what was reckoned', () => {
  const calls = Array.from({ length: 60 }, (_, index) => ({
    user: `user ${index % 3}`,
    atMs: index,
    durationMs: 200,
    outcome: { health: 'up', replied: true, tokens: 400 + (index % 5) * 100 } as const,
  }));
  const limits = providerLimits({ tokensPerMinute: 6_000, concurrency: 2 });
  const served = play(calls, limits, seededRandom(7));
  for (const { grantedMs } of served) {
    const used = served
      .filter((one) => one.grantedMs >= grantedMs && one.grantedMs < grantedMs + 60_000)
      .reduce((sum, one) => sum + (calls[one.askedMs]?.outcome.tokens ?? 0), 0);
    expect(used).toBeLessThanOrEqual(6_000 + 2 * 800);
  }
});

test('one user with hundreds of calls does not hold up another who asks now and then', () => {
  const flood = Array.from({ length: 300 }, () => ({ user: 'ann', atMs: 0, durationMs: 400 }));
  const seldom = Array.from({ length: 12 }, (_, index) => ({ user: 'bob', atMs: 500 + index * 900, durationMs: 400 }));
  const served = play([...flood, ...seldom], providerLimits({ concurrency: 8 }), seededRandom(1));
  const waits = served.filter(({ user }) => user === 'bob').map(({ askedMs, grantedMs }) => grantedMs - askedMs);
  expect(waits.toSorted((a, b) => a - b).at(-1)).toBeLessThan(400);
});

test('two users who both want more than there is get the same share', () => {
  const calls = ['ann', 'bob'].flatMap((user) =>
    Array.from({ length: user === 'ann' ? 200 : 50 }, () => ({ user, atMs: user === 'ann' ? 0 : 10, durationMs: 300 })),
  );
  const served = play(calls, providerLimits({ concurrency: 4 }), seededRandom(2));
  const lastOfBob = served.filter(({ user }) => user === 'bob').at(-1)?.grantedMs ?? 0;
  const annUntilThen = served.filter(({ user, grantedMs }) => user === 'ann' && grantedMs <= lastOfBob).length;
  expect(annUntilThen).toBeGreaterThan(40);
  expect(annUntilThen).toBeLessThan(70);
});

test('slots do not stay empty while somebody waits, and those who wait do not ask all the time', () => {
  const calls = Array.from({ length: 300 }, (_, index) => ({ user: `user ${index % 7}`, atMs: 0, durationMs: 400 }));
  const served = play(calls, providerLimits({ concurrency: 8 }), seededRandom(3));
  const lastMs = Math.max(...served.map(({ endedMs }) => endedMs));
  const bestMs = (300 / 8) * 400;
  const asks = served.reduce((sum, one) => sum + one.asks, 0);
  expect(lastMs / bestMs).toBeLessThan(1.2);
  expect(asks / served.length).toBeLessThan(15);
});

function goingAt(served: readonly Served[], at: number): number {
  return served.filter(({ grantedMs, endedMs }) => grantedMs <= at && endedMs > at).length;
}
