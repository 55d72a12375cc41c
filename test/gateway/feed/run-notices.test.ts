import { expect, test } from 'vitest';
import { RunNotices } from '../../../gateway/feed/run-notices.ts';
import type { RunHoldup } from '../../../store/read/read-run-holdups.ts';

const at = '2026-01-01T00:00:00.000Z';
const now = { sessionId: 'main', at, hasWorkers: true };
const holdup: RunHoldup = { runId: 'r', isRunning: true, since: at, wait: null, pausable: null, failure: null };
const failure = { step: 1, attempt: 1, code: 'server_error', at, retryAt: '2026-01-01T00:00:04.000Z' };
const failed = {
  type: 'attempt.failed',
  ...failure,
  sessionId: 'main',
  runId: 'r',
  maxAttempts: 3,
  detail: 'Away.',
} as const;

test('a failed attempt that a worker has published is not sent again from the store', () => {
  const notices = new RunNotices();
  expect(notices.applyFailure(failed)).toBe(true);
  expect(notices.applyFailure(failed)).toBe(false);
  expect(notices.applyHoldup({ ...holdup, failure }, now)).toEqual([]);
  expect(notices.current).toEqual([failed]);
  expect(notices.applyHoldup({ ...holdup, failure: { ...failure, attempt: 2 } }, now)).toMatchObject([
    { type: 'attempt.failed', attempt: 2, code: 'server_error', detail: null },
  ]);
});

test('a wait is sent once, and again after the run has made progress', () => {
  const notices = new RunNotices();
  const waits = { ...holdup, wait: { kind: 'circuit', provider: 'openai', since: at, until: null } } as const;
  const waitingFor = { what: 'circuit', since: at, who: 'the provider openai', until: null };
  const event = { type: 'run.waiting', at, sessionId: 'main', runId: 'r', waitingFor };
  expect(notices.applyHoldup(waits, now)).toEqual([event]);
  expect(notices.applyHoldup(waits, now)).toEqual([]);
  expect(notices.current).toEqual([event]);
  notices.recordEvent({
    type: 'message.delta',
    at,
    sessionId: 'main',
    runId: 'r',
    step: 1,
    attempt: 1,
    offset: 0,
    delta: 'x',
  });
  expect(notices.current).toEqual([]);
  expect(notices.applyHoldup(waits, now)).toEqual([event]);
});

test('a run waits for a worker while none takes work, and for nothing once it has ended', () => {
  const notices = new RunNotices();
  expect(notices.applyHoldup(holdup, { ...now, hasWorkers: false })).toMatchObject([
    { type: 'run.waiting', waitingFor: { what: 'worker', since: at } },
  ]);
  expect(notices.applyHoldup(null, now)).toEqual([]);
  expect(notices.current).toEqual([]);
});
