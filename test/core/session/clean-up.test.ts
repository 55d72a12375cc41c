import { expect, test } from 'vitest';
import { decideCleanUp, type CleanUpFacts } from '../../../core/session/clean-up.ts';
import { resolvePolicy } from '../../../core/policy.ts';

const DAY_MS = 24 * 3_600_000;
const NOW_MS = Date.parse('2026-01-31T00:00:00Z');
const ago = (days: number): string => new Date(NOW_MS - days * DAY_MS).toISOString();
const session: CleanUpFacts = {
  kind: 'session',
  status: 'active',
  createdAt: ago(5),
  openedAt: ago(5),
  lastActiveAt: ago(1),
  messages: 9,
  endedRuns: 10,
  errors: 0,
  hasOpenRun: false,
};
const decided = (change: Partial<CleanUpFacts>, request = {}) =>
  decideCleanUp({ ...session, ...change }, resolvePolicy(), { request, settings: {} }, NOW_MS);
const decide = (...given: Parameters<typeof decided>) => decided(...given)?.action ?? null;
const reason = (...given: Parameters<typeof decided>) => decided(...given)?.reason;

test('a session in use is left alone', () => {
  expect(decide({})).toBeNull();
});

test('an active session that is overdue is expired, by idle time and by age', () => {
  expect(decide({ lastActiveAt: ago(7) })).toBe('expired');
  expect(decide({ openedAt: ago(30) })).toBe('expired');
});

test('over half of the runs failed fails a session, over 30 % warns of it', () => {
  expect([3, 4, 5, 6].map((errors) => decide({ errors }))).toEqual([null, 'warned', 'warned', 'failed']);
});

test('what is not active is removed after 30 days: archived with more than 5 messages, else deleted', () => {
  const old = { status: 'expired', lastActiveAt: ago(30) } as const;
  expect(decide({ ...old, lastActiveAt: ago(29) })).toBeNull();
  expect([decide({ ...old, messages: 6 }), decide({ ...old, messages: 5 })]).toEqual(['archived', 'deleted']);
  expect(decide({ ...old, kind: 'run' })).toBe('deleted');
});

test('on demand active sessions are removed too, by idle time or age', () => {
  expect(decide({}, { idleMs: DAY_MS })).toBe('archived');
  expect(decide({}, { idleMs: 2 * DAY_MS })).toBeNull();
  expect(decide({ messages: 1 }, { olderMs: 5 * DAY_MS })).toBe('deleted');
});

test('with both times, both must be true of a session', () => {
  const request = { idleMs: DAY_MS, olderMs: 5 * DAY_MS };
  expect(decided({}, request)).toEqual({ action: 'archived', reason: 'idle for 24 h 0 min, 5 d 0 h old' });
  expect(decide({ createdAt: ago(4) }, request)).toBeNull();
  expect(decide({ lastActiveAt: ago(0.5) }, request)).toBeNull();
});

test('the error rate of fewer than 3 ended runs is not judged, or of fewer than the settings demand', () => {
  expect([1, 2, 3].map((runs) => decide({ endedRuns: runs, errors: runs }))).toEqual([null, null, 'failed']);
  const once = { ...session, endedRuns: 1, errors: 1 };
  const decisions = [0, 1, 2].map((minRunsForErrorRate) =>
    decideCleanUp(once, resolvePolicy(), { request: {}, settings: { minRunsForErrorRate } }, NOW_MS),
  );
  expect(decisions.map((decision) => decision?.action ?? null)).toEqual(['failed', 'failed', null]);
});

test('a session with an open run, and an archive, are left alone whatever is asked', () => {
  expect(decide({ hasOpenRun: true }, { idleMs: 0 })).toBeNull();
  expect(decide({ status: 'archived' }, { idleMs: 0 })).toBeNull();
});

test('the reason states failed runs as a part of ended runs', () => {
  expect(reason({ errors: 2, endedRuns: 3 })).toBe('2 of 3 runs failed');
});

test('reasons show durations in readable units', () => {
  expect(reason({}, { idleMs: DAY_MS })).toBe('idle for 24 h 0 min');
  expect(reason({}, { olderMs: 5 * DAY_MS })).toBe('5 d 0 h old');
  expect(reason({ lastActiveAt: ago(7) })).toBe('nothing happened for 7 d 0 h (policy idleTimeoutMs)');
  expect(reason({ openedAt: ago(30) })).toBe('open for 30 d 0 h (policy maxAgeMs)');
  expect(reason({ status: 'expired', lastActiveAt: ago(31) })).toBe(
    'expired and idle for 31 d 0 h (policy retentionMs)',
  );
});
