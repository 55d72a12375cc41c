import { expect, test } from 'vitest';
import type { SessionSnapshot, WaitingFor } from '../../../src/contracts/session.ts';
import { explainSession } from '../../../src/core/why/explain-session.ts';

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
  ['rate_limit', 'more calls want to go than its limits allow'],
  ['circuit', 'its last calls failed, and its circuit is open'],
  ['cool_down', 'it said that it gets too many requests'],
] as const)('a wait for a provider (%s) is told with its reason, and its end as reckoned only', (what, reason) => {
  const limits = { toolTimeoutMs: null, runTimeoutMs: 300_000 };
  const now = '2026-11-24T10:00:30.000Z';
  const { text } = explainSession({ snapshot: waiting(what), run: null, workers: 1, limits, now });
  expect(text).toContain(`waits for the provider openai, since ${at} (30.0 s ago): ${reason}.`);
  expect(text).toContain('This lasts until about 2026-11-24T10:01:00.000Z (30.0 s from now).');
});
