import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { topFrame } from '../../../cli/fleet/top-frame.ts';
import type { Fleet } from '../../../contracts/admin/fleet.ts';
import { runRecordSchema, type ListedRun } from '../../../contracts/session/run.ts';

const AT = '2026-11-28T10:00:02.000Z';

function run(index: number): ListedRun {
  const { output: _output, ...record } = runRecordSchema.parse({
    id: `01a22166-571f-7147-9d65-${String(index).padStart(12, '0')}`,
    status: 'waiting',
    agent: 'support',
    agentVersion: null,
    model: null,
    messageIds: [],
    createdAt: '2026-11-28T09:00:02.000Z',
    startedAt: null,
    endedAt: null,
    steps: 0,
    usage: { inputTokens: null, outputTokens: null, cachedTokens: null, reasoningTokens: null },
    costUsd: 0.25,
    knownCostUsd: 0.25,
    unpricedCalls: 0,
    estimatedCalls: 0,
    estimatedInputTokens: 0,
    estimatedOutputTokens: 0,
    estimatedCostUsd: 0,
    output: null,
    error: null,
  });
  const waitingFor = { what: 'approval', since: '2026-11-28T09:30:02.000Z' } as const;
  return {
    ...record,
    user: 'ann\u001B[2J',
    sessionId: 'a long name of a session'.repeat(4),
    totalMs: null,
    waitingFor,
  };
}

function fleet(overrides: Partial<Fleet> = {}): Fleet {
  return {
    at: AT,
    sessions: { active: 1_203, served: 87 },
    runs: { queued: 31, running: 12, waiting: 4, oldestQueuedMs: 4_200 },
    today: {
      modelCalls: 8_112,
      failedModelCalls: 2,
      failedRuns: 3,
      inputTokens: 1_000,
      outputTokens: 200,
      costUsd: 12.404,
      unpricedCalls: 0,
    },
    workers: [{ id: 'w1', version: '0.1.0', startedAt: '2026-11-28T08:00:02.000Z', draining: false, begunRuns: 100 }],
    pauses: ['agent:other'],
    top: [run(1), run(2)],
    ...overrides,
  };
}

test('a frame has totals, rates since the reading before, workers and open runs', () => {
  const { today, workers } = fleet();
  const before = fleet({
    at: '2026-11-28T10:00:00.000Z',
    today: { ...today, inputTokens: 400 },
    workers: workers.map((worker) => ({ ...worker, begunRuns: 97 })),
  });
  const lines = topFrame(fleet(), before, { columns: 120, rows: 40, order: 'dearest' });
  expect(lines).toEqual([
    'perdure top  2026-11-28 10:00:02 UTC',
    'Sessions  1,203 active, 87 in conversation',
    'Runs      12 running, 4 waiting, 31 queued (oldest 4.2 s)',
    'Rates     1.5 runs/s, 300 tokens/s, 0.0 failed calls/s',
    'Today     $12.40, 1,200 tokens, 3 failed runs, 2 of 8,112 calls failed',
    'Paused    agent:other',
    '',
    'WORKER  VERSION  STATE    UP         RUNS  RUNS/S',
    'w1      0.1.0    working  2 h 0 min  100   1.5',
    '',
    'OPEN RUNS by cost   d duration  c cost  w wait  n newest  q quit',
    expect.stringMatching(/^RUN +USER +SESSION +AGENT +AGE +COST +WAITS FOR$/),
    expect.stringMatching(/^00000001 +ann\S* +a long name.*… +support +1 h 0 min +\$0\.25 +approval 30 min 0 s$/),
    expect.stringMatching(/^00000002 /),
  ]);
});

test('the first frame has no rates, and neither has one after midnight', () => {
  const rates = (before: Fleet | null) => topFrame(fleet(), before, { columns: 120, rows: 40, order: 'newest' })[3];
  expect(rates(null)).toBe('Rates     – runs/s, – tokens/s, – failed calls/s');
  expect(rates(fleet({ at: '2026-11-27T23:59:59.000Z' }))).toContain('– tokens/s');
});

test.each([
  [80, 24],
  [40, 10],
])('a frame fits a terminal of %d × %d, with every control character removed', (columns, rows) => {
  const many = fleet({ top: Array.from({ length: 50 }, (_, index) => run(index)) });
  const lines = topFrame(many, null, { columns, rows, order: 'slowest' });
  expect(lines.length).toBeLessThanOrEqual(rows);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  expect(lines.join('\n')).not.toContain('\u001B');
});

test('without workers and runs a frame says so', () => {
  const lines = topFrame(fleet({ workers: [], top: [], pauses: [] }), null, {
    columns: 80,
    rows: 24,
    order: 'waiting',
  });
  expect(lines).toContain('No workers. Start one with `perdure worker` or `npm start`.');
  expect(lines.at(-1)).toBe('None.');
});
