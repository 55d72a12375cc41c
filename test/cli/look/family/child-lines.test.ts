import { expect, test } from 'vitest';
import { childLines } from '../../../../cli/look/family/child-lines.ts';

const child = {
  runId: 'child-1',
  parentRunId: 'r1',
  callId: 'c0',
  tool: 'researcher',
  agent: 'researcher',
  level: 1,
  status: 'completed',
  startedAt: null,
  endedAt: null,
  totalMs: 1_500,
  costUsd: 0.01,
  inputTokens: 1,
  outputTokens: 1,
} as const;

test('the runs that calls have made are a tree, and a child names the run that has made it', () => {
  const below = { ...child, runId: 'child-2', level: 2, tool: 'writer', agent: 'writer', status: null, costUsd: null };
  const lines = childLines({ parent: { sessionId: 's', runId: 'r0', callId: 'c9' }, children: [child, below] });
  expect(lines[0]).toBe('called by run r0 of session s, call c9');
  expect(lines[2]).toMatch(/^└ researcher\s+researcher\s+c0\s+completed\s+1\.5 s\s+\$0\.01\s+child-1$/);
  expect(lines[3]).toMatch(/^ {2}└ writer\s+writer\s+c0\s+deleted\s+1\.5 s\s+\?\s+child-2$/);
});

test('a run that has made none and is nobody’s has no such lines', () => {
  expect(childLines({})).toEqual([]);
});
