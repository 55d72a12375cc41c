import { expect, test } from 'vitest';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionSnapshot, WaitingFor } from '../../../contracts/session/session.ts';
import { refusalText } from '../../../core/money/budget.ts';
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
  ['circuit', 'its last calls failed, and its circuit is open'],
  ['cool_down', 'it reported too many requests'],
] as const)('a wait for a provider (%s) is told with its reason, and its end as reckoned only', (what, reason) => {
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000, maxWaitMs: 3_600_000 };
  const now = '2026-11-24T10:00:30.000Z';
  const { text } = explainSession({ snapshot: waiting(what), run: null, workers: 1, limits, now });
  expect(text).toContain(`waits for the provider openai, since ${at} (30.0 s ago): ${reason}.`);
  expect(text).toContain('This lasts until about 2026-11-24T10:01:00.000Z (30.0 s from now).');
  expect(text).toContain('the run fails when one call has waited for 1 h 0 min (policy maxWaitMs).');
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
    `The session trip is active and waits for a message from the user, since ${at} (0 ms ago). Nothing is stuck. ` +
      'Its last run, run-1, failed (budget_exceeded): The budget of the month has $49.50 of $50.00 used; the next call may use up to $1.20. ' +
      'It resets at 2026-12-01T00:00:00.000Z; an operator can raise it (perdure budget). ' +
      'Once the budget allows it, `perdure resume trip run-1` continues it after its last completed step. ' +
      '`perdure why run-1` shows what happened.',
  );
  expect(failed({ code: 'model_unavailable', detail: 'Away.' })).toContain(
    'Away. `perdure resume trip run-1` continues it',
  );
});
