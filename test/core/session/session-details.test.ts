import { expect, test } from 'vitest';
import { fairnessKey } from '../../../core/session/fairness-key.ts';
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

test('a fairness key is short whatever the user is called', () => {
  expect(fairnessKey('u')).toMatch(/^[0-9a-f]{8}$/);
  expect(fairnessKey('ünïcode'.repeat(100))).toMatch(/^[0-9a-f]{8}$/);
  expect(fairnessKey('a')).not.toBe(fairnessKey('b'));
});
