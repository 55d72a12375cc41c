import { expect, test } from 'vitest';
import { LoadMonitor } from '../../../gateway/answers/load-monitor.ts';

/** A store in which a worker begins ten runs a second, and a clock that the test moves. */
function monitored({ readMs = 0, waitedMs = 5_000 }: { readMs?: number; waitedMs?: number } = {}) {
  const state = { nowMs: 0, reads: 0, isAway: false };
  const monitor = new LoadMonitor({
    now: () => state.nowMs,
    async read() {
      state.reads += 1;
      const runs = Math.floor(state.nowMs / 100);
      state.nowMs += readMs;
      if (state.isAway) throw new Error('The store is away.');
      const begun = new Map([['w', { runs, measured: runs, waitedMs: runs * waitedMs }]]);
      return { waiting: new Map([['ann', 100]]), begun };
    },
  });
  /** A message every 100 ms. */
  const sendFor = async (ms: number) => {
    for (const untilMs = state.nowMs + ms; state.nowMs < untilMs; state.nowMs += 100) {
      monitor.estimate();
      await monitor.settled();
    }
  };
  return { monitor, state, sendFor };
}

test('the store is read once a second, however many messages arrive, and not at all while none does', async () => {
  const { state, sendFor } = monitored();
  await sendFor(10_000);
  expect(state.reads).toBe(10);
  state.nowMs += 600_000;
  await sendFor(100);
  expect(state.reads).toBe(11);
});

test('slow reads are rarer', async () => {
  const { state, sendFor } = monitored({ readMs: 500 });
  await sendFor(60_000);
  expect(state.reads).toBeLessThanOrEqual(11);
});

test('the estimate is that of the last seconds: none before, none after a pause, none while the store is away', async () => {
  const { monitor, state, sendFor } = monitored();
  expect(monitor.estimate()).toBeNull();
  await sendFor(10_000);
  expect(monitor.estimate()).toMatchObject({ perSecond: 10 });
  state.nowMs += 60_000;
  expect(monitor.estimate()).toBeNull();
  await sendFor(10_000);
  expect(monitor.estimate()).not.toBeNull();
  state.isAway = true;
  await sendFor(2_000);
  expect(monitor.estimate()).toBeNull();
});

test('a message is refused by no sample of some seconds ago, while which all that waited may have begun', async () => {
  const { monitor, state, sendFor } = monitored();
  await sendFor(10_000);
  state.nowMs += 5_000;
  state.isAway = true;
  expect(monitor.estimate()).not.toBeNull();
  expect(await monitor.freshEstimate()).toBeNull();
});

test('messages that are being admitted count as waiting, and their time as a part of the wait', async () => {
  const { monitor, state, sendFor } = monitored({ waitedMs: 10 });
  await sendFor(10_000);
  expect(monitor.estimate()).toBeNull();
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = monitor.admitting('bob', () => promise);
  await monitor.admitting('cid', async () => void (state.nowMs += 3_000));
  await sendFor(6_000);
  expect(monitor.estimate()?.waiting).toEqual(
    new Map([
      ['ann', 100],
      ['bob', 1],
    ]),
  );
  resolve();
  await slow;
  await sendFor(2_000);
  expect(monitor.estimate()?.waiting).toEqual(new Map([['ann', 100]]));
});
