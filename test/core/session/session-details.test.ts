import { expect, test } from 'vitest';
import { fairnessKey } from '../../../contracts/session/fairness-key.ts';
import { sessionDetails } from '../../../core/session/session-details.ts';

test('details show status, run and steps, and mark unknown token counts', () => {
  const step = {
    runId: '0192-abcd1234',
    step: 2,
    model: 'gpt',
    inputTokens: 12,
    outputTokens: null,
    durationMs: 340,
    tools: ['clock'],
  };
  const details = sessionDetails({
    status: 'active',
    agent: 'assistant',
    currentRun: 'r9',
    queued: 1,
    runsEnded: 4,
    steps: [step],
  });
  expect(details).toContain('**active** · agent `assistant` · 4 runs ended · 1 waiting');
  expect(details).toContain('Running: `r9`');
  expect(details).toContain('| `abcd1234` | 2 | gpt | 12 / unknown | 340 ms | clock |');
});

test.each([
  [{ runId: 'r8', status: 'completed', code: null }, 'Ended last: `r8` **completed**'],
  [{ runId: 'r8', status: 'failed', code: 'model_unavailable' }, 'Ended last: `r8` **failed** (`model_unavailable`)'],
  [{ runId: 'r8', status: 'failed', code: 'what `the` user wrote' }, 'Ended last: `r8` **failed**'],
] as const)('details show how the last run ended: %j', (lastRun, line) => {
  const session = {
    status: 'active',
    agent: 'assistant',
    currentRun: null,
    queued: 0,
    runsEnded: 1,
    steps: [],
  } as const;
  expect(sessionDetails({ ...session, lastRun }).split('\n')).toContain(line);
  expect(sessionDetails(session)).not.toContain('Ended last');
});

test('a fairness key is short whatever the user is called', () => {
  expect(fairnessKey('u')).toMatch(/^[0-9a-f]{8}$/);
  expect(fairnessKey('ünïcode'.repeat(100))).toMatch(/^[0-9a-f]{8}$/);
  expect(fairnessKey('a')).not.toBe(fairnessKey('b'));
});

test('details state that a tool call waits for an answer, and until when, but no run that runs', () => {
  const waiting = { status: 'active', agent: 'assistant', queued: 0, runsEnded: 0, steps: [] } as const;
  const waitsUntil = '2026-12-01T00:00:00.000Z';

  expect(sessionDetails({ ...waiting, currentRun: null, waitsUntil })).toContain(
    `Waiting for an answer to a tool call: an approval, or a client's result. Next deadline or reminder: ${waitsUntil}`,
  );
  expect(sessionDetails({ ...waiting, currentRun: 'r9', waitsUntil })).toContain('Running: `r9`');
  expect(sessionDetails({ ...waiting, currentRun: null })).toContain('Waiting for a message.');
});
