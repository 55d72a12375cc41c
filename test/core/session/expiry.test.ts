import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { isExpired } from '../../../client/is-expired.ts';
import { expiryOf, expiryReason } from '../../../core/session/expiry.ts';

const policy = { idleTimeoutMs: 1_000, maxAgeMs: 10_000 };
const iso = (ms: number): string => new Date(ms).toISOString();

test('a session expires when nothing has happened for its idle time', () => {
  expect(expiryOf({ openedAt: iso(0), lastActiveAt: iso(500) }, policy)).toEqual({ atMs: 1_500, why: 'idle' });
});

test('a session that is always used expires at its maximum age', () => {
  expect(expiryOf({ openedAt: iso(0), lastActiveAt: iso(9_900) }, policy)).toEqual({ atMs: 10_000, why: 'age' });
});

test('isExpired is true from the millisecond on at which the idle time is over', () => {
  const session = { lastActiveAt: iso(5_000) };
  expect([5_999, 6_000, 6_001].map((now) => isExpired(session, 1_000, now))).toEqual([false, true, true]);
});

test('the reason names the policy and its value', () => {
  expect(expiryReason('idle', policy)).toBe('nothing happened for 1.0 s (policy idleTimeoutMs)');
  expect(expiryReason('age', policy)).toBe('open for 10.0 s (policy maxAgeMs)');
});

test('activity never makes a session expire sooner, and no session outlives its age', () => {
  const ms = integer({ min: 0, max: 4_000_000_000 });
  assert(
    property(ms, ms, ms, integer({ min: 1_000, max: 1e9 }), integer({ min: 1_000, max: 1e9 }), (...values) => {
      const [openedAt, activeAfter, more, idleTimeoutMs, maxAgeMs] = values;
      const limits = { idleTimeoutMs, maxAgeMs };
      const before = expiryOf({ openedAt: iso(openedAt), lastActiveAt: iso(openedAt + activeAfter) }, limits);
      const after = expiryOf({ openedAt: iso(openedAt), lastActiveAt: iso(openedAt + activeAfter + more) }, limits);
      expect(after.atMs).toBeGreaterThanOrEqual(before.atMs);
      expect(after.atMs).toBeLessThanOrEqual(openedAt + maxAgeMs);
    }),
  );
});
