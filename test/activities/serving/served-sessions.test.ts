import { expect, onTestFinished, test, vi } from 'vitest';
import { ServedSessions, type ServedSession } from '../../../activities/serving/served-sessions.ts';

/** Sessions that linger, in the order of their numbers. `left`: those that were made to return. */
function lingering(sessions: ServedSessions, count: number): { readonly left: number[] } {
  const left: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const session: ServedSession = {
      key: { user: 'ann', session: `s${n}` },
      execution: `e${n}`,
      look: () => {},
      stop: () => {},
      abandon: () => {},
      leave: () => left.push(n),
    };
    sessions.enter(session);
    sessions.linger(session);
  }
  return { left };
}

test('a worker that drains hands over the sessions that linger in batches, the ones that were active last first', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const sessions = new ServedSessions(1_000);
  const { left } = lingering(sessions, 60);
  sessions.drain();
  const warmFirst = Array.from({ length: 60 }, (_, n) => 59 - n);
  expect(sessions.isDraining).toBe(true);
  expect(left).toEqual(warmFirst.slice(0, 25));
  vi.advanceTimersToNextTimer();
  expect(left).toEqual(warmFirst.slice(0, 50));
  vi.runAllTimers();
  expect(left).toEqual(warmFirst);
});

const leftByName: string[] = [];
const nothing = (): void => {};

function named(name: string): ServedSession {
  const key = { user: 'ann', session: name };
  return { key, look: nothing, stop: nothing, leave: () => leftByName.push(name), abandon: nothing, execution: name };
}

test('when places run out the sessions that linger leave first, then those that have been served longest, one for each new one', () => {
  leftByName.length = 0;
  const sessions = new ServedSessions(3);
  const [a, b, c] = [named('a'), named('b'), named('c')];
  const served = [a, b, c].map((one) => sessions.enter(one));
  expect(leftByName).toEqual([]);
  sessions.linger(c);
  sessions.enter(named('d'));
  expect(leftByName).toEqual(['c']);
  // None lingers: each gives its next run to Temporal, which lets users take turns.
  sessions.enter(named('e'));
  sessions.enter(named('f'));
  expect(leftByName).toEqual(['c', 'a', 'b']);
  for (const one of served) one[Symbol.dispose]();
  sessions.enter(named('g'));
  expect(leftByName).toEqual(['c', 'a', 'b', 'd']);
});
