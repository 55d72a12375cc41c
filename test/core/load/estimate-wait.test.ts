import { expect, test } from 'vitest';
import { estimateWait, findOverload, waitForAll } from '../../../core/load/estimate-wait.ts';
import { addSample, NO_LOAD, type BegunRuns, type LoadSample } from '../../../core/load/load-window.ts';
import { LIMIT_MS, simulate } from './simulated-load.ts';

const SEEDS = Array.from({ length: 5 }, (_, index) => index + 1);
const always = (perSecond: number) => () => perSecond;
/** One rate from a time to another, in seconds, and another one otherwise. */
const between = (from: number, to: number, perSecond: number, otherwise: number) => (atMs: number) =>
  atMs >= from * 1_000 && atMs < to * 1_000 ? perSecond : otherwise;
/** Most messages are those of one user. */
const mostlyOne = (random: number) => (random < 0.95 ? 'flood' : `user ${Math.floor(random * 1_000) % 50}`);
const oneOf = (users: number) => (random: number) => `user ${Math.floor(random * users)}`;

test.each(SEEDS)('below what the workers can do nothing is refused (seed %i)', (seed) => {
  const simulation = { seed, seconds: 300, capacity: always(25), user: oneOf(60), order: 'arrival' } as const;
  expect(simulate({ ...simulation, arrivals: always(22) }).refused).toEqual([]);
  expect(simulate({ ...simulation, arrivals: always(0.2) }).refused).toEqual([]);
});

test.each(SEEDS)('a burst that can be begun in time is accepted, also at first (seed %i)', (seed) => {
  const arrivals = between(30, 32, 200, 0.5);
  const burst = { seed, seconds: 120, capacity: always(25), arrivals, user: oneOf(400) } as const;
  expect(simulate({ ...burst, order: 'arrival' }).refused).toEqual([]);
  expect(simulate({ ...burst, order: 'turns' }).refused).toEqual([]);
});

test.each(SEEDS)('of three times what the workers can do, what is accepted begins about in time (seed %i)', (seed) => {
  for (const order of ['arrival', 'turns'] as const) {
    const over = { seed, seconds: 240, capacity: always(25), arrivals: always(75), user: oneOf(2_000), order } as const;
    const { longestMs, refused, begun, idleMs } = simulate(over);
    // In turns, the first runs of users who come later go before the second one of a user.
    expect(longestMs).toBeLessThan((order === 'arrival' ? 1.3 : 3) * LIMIT_MS);
    expect(new Set(refused.map(({ reason }) => reason))).toContain('overload');
    expect(refused.every(({ retryAfterMs }) => retryAfterMs > 0 && retryAfterMs < 2 * LIMIT_MS)).toBe(true);
    // Refusing leaves the workers no less to do than they can.
    expect(idleMs).toBe(0);
    expect(begun).toBeGreaterThan(0.95 * 25 * 240);
  }
});

test.each(SEEDS)('a user who floods is refused before the others wait longer or are refused (seed %i)', (seed) => {
  const user = mostlyOne;
  const flood = { seed, seconds: 240, capacity: always(25), arrivals: always(100), user, order: 'turns' } as const;
  const { waits, refused } = simulate(flood);
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map((one) => `${one.user} ${one.reason}`))).toEqual(new Set(['flood user_share']));
  const others = [...waits].flatMap(([name, all]) => (name === 'flood' ? [] : all));
  expect(Math.max(...others)).toBeLessThan(LIMIT_MS / 4);
});

test.each(SEEDS)(
  'while no run begins nothing is refused, nor when what was accepted begins again (seed %i)',
  (seed) => {
    // 100 messages in a minute without a worker at first, or with Temporal away later.
    for (const from of [0, 120]) {
      const capacity = between(from, from + 60, 0, 25);
      const away = { seed, seconds: 240, capacity, arrivals: always(1.6), user: oneOf(50), order: 'arrival' } as const;
      expect(simulate(away).refused).toEqual([]);
    }
  },
);

test.each(SEEDS)('what cannot be begun in time after an outage is known soon after it (seed %i)', (seed) => {
  const [capacity, arrivals] = [between(0, 60, 0, 25), between(0, 60, 40, 5)];
  const { refused } = simulate({ seed, seconds: 70, capacity, arrivals, user: oneOf(5_000), order: 'arrival' });
  expect(refused.length).toBeGreaterThan(0);
  expect(Math.min(...refused.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(60_000);
});

test.each(SEEDS)('runs that are stuck hold up no other message (seed %i)', (seed) => {
  const stuck = {
    seed,
    seconds: 120,
    capacity: always(25),
    arrivals: always(0.5),
    user: oneOf(20),
    stuck: 200,
  } as const;
  expect(simulate({ ...stuck, order: 'arrival' }).refused).toEqual([]);
});

const WORKING: BegunRuns = { runs: 0, measured: 0, waitedMs: 0 };

/** Ten samples, a second apart; in each second a worker begins `perSecond` runs, which have waited for `waitedMs` each. */
function windowOf(
  waiting: Readonly<Record<string, number>>,
  { perSecond = 10, waitedMs = 5_000, tookMs = 0 }: { perSecond?: number; waitedMs?: number; tookMs?: number } = {},
) {
  let window = NO_LOAD;
  for (let second = 0; second < 10; second += 1) {
    const runs = second * perSecond;
    window = addSample(window, sampleAt(second, waiting, { runs, measured: runs, waitedMs: runs * waitedMs }, tookMs));
  }
  return window;
}

function sampleAt(
  second: number,
  waiting: Readonly<Record<string, number>>,
  begun: BegunRuns | null = WORKING,
  tookMs = 0,
): LoadSample {
  const admitted = { count: second * 10, tookMs: second * 10 * tookMs };
  return { atMs: second * 1_000, waiting: new Map(Object.entries(waiting)), begun: new Map([['w', begun]]), admitted };
}

test('a user is refused for the own runs at half of the limit, others for those of many at the limit; 0 refuses none', () => {
  const estimate = estimateWait(windowOf({ ann: 100, bob: 3, cid: 1 }));
  if (!estimate) throw new Error('There is no estimate.');
  expect(waitForAll(estimate)).toBe(10_400);
  const find = (user: string, limitMs: number) => findOverload(estimate, { user, limitMs, random: 0.5 });
  const ofAnn = { reason: 'user_share', own: 100, waitMs: 10_400, limitMs: 5_000, retryAfterMs: 6_234 };
  expect(find('ann', 10_000)).toEqual(ofAnn);
  // Before a run of bob begin his own, four of ann and the one of cid.
  expect(find('bob', 1_500)).toMatchObject({ reason: 'user_share', own: 3, waitMs: 800, limitMs: 750 });
  expect(find('bob', 1_700)).toBeNull();
  expect(find('new', 1_400)).toBeNull();
  expect(find('new', 1_300)).toMatchObject({ reason: 'overload', own: 0, waitMs: 1_400, limitMs: 1_300 });
  expect(find('ann', 0)).toBeNull();
});

test('there is no estimate while runs begin soon after they were sent, and admissions count as a part of that time', () => {
  expect(estimateWait(windowOf({ ann: 1_000 }, { waitedMs: 50 }))).toBeNull();
  expect(estimateWait(windowOf({ ann: 1_000 }, { waitedMs: 50, tookMs: 2_000 }))).not.toBeNull();
});

test('there is no estimate of a few seconds, of a moment without waiting runs, or of a gap between samples', () => {
  const busy = windowOf({ ann: 100 });
  const runs = { runs: 1_000, measured: 1_000, waitedMs: 5_000_000 };
  expect(estimateWait(busy)).not.toBeNull();
  expect(
    estimateWait(addSample(addSample(NO_LOAD, sampleAt(0, { ann: 1 })), sampleAt(1, { ann: 1 }, runs))),
  ).toBeNull();
  expect(estimateWait(addSample(busy, sampleAt(10, {}, runs)))).toBeNull();
  expect(estimateWait(addSample(busy, sampleAt(60, { ann: 100 }, runs)))).toBeNull();
});

test('there is no estimate while a worker of an older version does not report what it begins', () => {
  const busy = windowOf({ ann: 100 });
  expect(estimateWait(addSample(busy, sampleAt(10, { ann: 100 }, null)))).toBeNull();
});

test('a worker that comes or returns adds no runs of another time to the rate', () => {
  const busy = windowOf({ ann: 100 });
  const { begun, ...sample } = sampleAt(10, { ann: 100 }, { runs: 100, measured: 100, waitedMs: 500_000 });
  const joined = addSample(busy, { ...sample, begun: new Map([...begun, ['late', { ...WORKING, runs: 1_000_000 }]]) });
  expect(estimateWait(joined)?.perSecond).toBeCloseTo(10);
});
