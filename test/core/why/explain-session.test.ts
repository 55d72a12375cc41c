import { expect, test } from 'vitest';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionSnapshot, WaitingFor } from '../../../contracts/session/session.ts';
import { refusalText } from '../../../core/money/budget.ts';
import { explainPendingSession } from '../../../core/why/explain-pending-session.ts';
import { explainSession } from '../../../core/why/explain-session.ts';

const at = '2026-11-24T10:00:00.000Z';

/** What is told of a wait comes from these. */
function waiting(what: WaitingFor['what']): SessionSnapshot {
  const shown: Partial<SessionSnapshot> = {
    id: 'main',
    status: 'active',
    queue: [],
    currentRun: { id: 'run-1', status: 'running', steps: 0, startedAt: at },
    waitingFor: { what, since: at, who: 'the provider openai', until: '2026-11-24T10:01:00.000Z' },
  };
  return shown as SessionSnapshot;
}

test.each([
  ['rate_limit', 'its limits are reached'],
  ['circuit', 'its last calls failed, so calls are paused (its circuit is open)'],
  ['cool_down', 'it reported too many requests'],
] as const)('a wait for a provider (%s) is told with its reason, and its end as reckoned only', (what, reason) => {
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const now = '2026-11-24T10:00:30.000Z';
  const { text } = explainSession({ snapshot: waiting(what), run: null, workers: 1, limits, now });
  expect(text).toContain(`waits for the provider openai, since ${at} (30.0 s ago): ${reason}.`);
  expect(text).toContain('This lasts until about 2026-11-24T10:01:00.000Z (30.0 s from now).');
  expect(text).toContain('the run fails when one call has waited for 1 h 0 min (policy maxWaitMs).');
});

test('a wait for a context provider is named, with what ends it', () => {
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const snapshot = waiting('context');
  const shown = { ...snapshot, waitingFor: { ...snapshot.waitingFor, who: 'the context provider crm', until: null } };
  expect(explainSession({ snapshot: shown, run: null, workers: 1, limits, now: at }).text).toBe(
    `The session main is active and waits for the context provider crm, since ${at} (0 ms ago). A call that exceeds its timeout is repeated, at most as often as the provider allows. \`perdure cancel main\` stops the run.`,
  );
});

test('of a session that has expired it is said that a message reopens it', () => {
  const waitingFor: WaitingFor = { what: 'message', since: at, who: 'the user', until: null };
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const told = (status: SessionSnapshot['status']) => {
    const shown: Partial<SessionSnapshot> = { id: 'trip', status, queue: [], currentRun: null, waitingFor };
    return explainSession({ snapshot: shown as SessionSnapshot, run: null, workers: 1, limits, now: at }).text;
  };
  expect(told('expired')).toMatch(/^The session trip is expired .* Nothing is stuck\. A message reopens it\.$/);
  expect(told('active')).not.toContain('reopens');
});

test('a run that ended for its budget is named with the amounts, and with how it goes on', () => {
  const shown: Partial<SessionSnapshot> = { id: 'trip', status: 'active', queue: [], currentRun: null };
  const waitingFor: WaitingFor = { what: 'message', since: at, who: 'the user', until: null };
  const snapshot = { ...shown, waitingFor } as SessionSnapshot;
  const facts = {
    scope: 'month',
    unit: 'usd',
    used: 49.5,
    reserved: 0,
    limit: 50,
    resetsAt: '2026-12-01T00:00:00.000Z',
  } as const;
  const error = { code: 'budget_exceeded', detail: refusalText(facts, 1.2, 'openai/gpt-5'), budget: facts };
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const failed = (why: RunDetail['error']) =>
    explainSession({
      snapshot,
      run: { id: 'run-1', stepList: [], toolCalls: [], error: why } as unknown as RunDetail,
      workers: 1,
      limits,
      now: at,
    }).text;
  expect(failed(error)).toBe(
    'The last run of the session trip failed (budget_exceeded): The budget of the month has $49.50 of $50.00 used; the next call may use up to $1.20. ' +
      'It resets at 2026-12-01T00:00:00.000Z; an operator can raise it (perdure budget). ' +
      `The session is active and waits for a message from the user, since ${at} (0 ms ago). ` +
      'Once the budget allows it, `perdure resume trip run-1` continues it after its last completed step. ' +
      '`perdure why run-1` shows what happened.',
  );
  expect(failed({ code: 'model_unavailable', detail: 'Away.' })).toContain(
    '(0 ms ago). `perdure resume trip run-1` continues it',
  );
});

test('without a worker a session that waits for a message is not called free of trouble, and accepted messages are counted', () => {
  const waitingFor: WaitingFor = { what: 'message', since: at, who: 'the user', until: null };
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const shown: Partial<SessionSnapshot> = { id: 'trip', status: 'active', queue: [], currentRun: null, waitingFor };
  const why = (facts: { pending: number; workerLastSeenAt: string | null }) =>
    explainSession({ snapshot: shown as SessionSnapshot, run: null, workers: 0, limits, now: at, ...facts });

  expect(why({ pending: 0, workerLastSeenAt: null }).text).toBe(
    `The session trip is active and waits for a message from the user, since ${at} (0 ms ago). ` +
      'No worker is polling; a message would wait until one does. ' +
      'Start one with `perdure worker` (or `npm start`); `perdure doctor` checks what is missing.',
  );
  const waits = why({ pending: 2, workerLastSeenAt: '2026-11-24T09:59:30.000Z' });
  expect(waits).toMatchObject({ pending: 2, workers: 0, workerLastSeenAt: '2026-11-24T09:59:30.000Z' });
  expect(waits.text).toContain(
    'The session trip is active. 2 accepted messages wait for a worker. ' +
      'No worker is polling (the last one was seen 30.0 s ago); the answer comes once one does.',
  );
});

test('a session that does not exist yet has the number of its accepted messages and whether a worker is polling', () => {
  const facts = { sessionId: 'new', pending: 1, since: at, workerLastSeenAt: null, now: at };
  const { text, status, waitingFor } = explainPendingSession({ ...facts, workers: 0 });
  expect({ status, waitingFor }).toEqual({
    status: null,
    waitingFor: { what: 'worker', since: at, who: 'a worker', until: null },
  });
  expect(text).toContain(
    `The session new does not exist yet: one accepted message waits for a worker, since ${at}. No worker is polling`,
  );
  expect(explainPendingSession({ ...facts, workers: null }).text).toContain(
    'it is unknown whether a worker is running',
  );
});

test('a model call that is being retried is told with the code of its last failure and when the next attempt begins', () => {
  const retry = { step: 1, attempt: 2, code: 'server_error', retryAt: '2026-11-24T10:00:04.000Z' };
  const snapshot = waiting('model');
  const run = { id: 'run-1', stepList: [{ step: 1, attempts: 2, committed: false }], toolCalls: [] };
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const why = explainSession({
    snapshot: { ...snapshot, currentRun: snapshot.currentRun && { ...snapshot.currentRun, retry } },
    run: run as unknown as RunDetail,
    workers: 1,
    limits,
    now: at,
  });
  expect(why.retry).toEqual(retry);
  expect(why.text).toContain('Attempt 2 of this model call failed (server_error); the next one begins in 4.0 s.');
});

test('a session whose workflow task keeps failing cannot continue', () => {
  const shown: Partial<SessionSnapshot> = { id: 'trip', status: 'active', queue: [], currentRun: null };
  const waitingFor: WaitingFor = { what: 'worker', since: at, who: 'a worker', until: null };
  const snapshot = { ...shown, waitingFor } as SessionSnapshot;
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const failingTask = { attempts: 11, since: at };
  const { text } = explainSession({ snapshot, run: null, workers: 1, failingTask, limits, now: at });
  expect(text).toContain(`It cannot continue: its workflow task has failed 11 times since ${at}.`);
});
