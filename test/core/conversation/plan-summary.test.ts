import { expect, test } from 'vitest';
import type { ContextUnit } from '../../../core/conversation/context-units.ts';
import { maxSummaryTokens, planSummary } from '../../../core/conversation/plan-summary.ts';

interface Talk {
  readonly capacity: number;
  /** Tokens of the message and of the reply of each run. */
  readonly turn: number;
  readonly summaryTokens: number;
  /** Tokens of a pinned message with which the talk begins. */
  readonly pinned?: number;
}

/** The summaries of a talk that is ten times as long as its room, made between its runs, and the most tokens of a call's conversation. */
function summariesOf({ capacity, turn, summaryTokens, pinned = 0 }: Talk): { summaries: number; most: number } {
  let units: ContextUnit[] = [];
  let summaries = 0;
  let most = 0;
  const add = (run: number, step: number | null, tokens: number, isPinned = false): void => {
    units.push({ entries: [], runId: `r${run}`, startedSeq: run, step, isPinned, isCovered: false, tokens });
  };
  if (pinned > 0) add(0, null, pinned, true);
  for (let run = 1; run * 2 * turn <= 10 * capacity; run += 1) {
    add(run, null, turn);
    const summary = summaries > 0 ? summaryTokens : 0;
    const given = units.filter(({ isCovered, isPinned }) => !isCovered || isPinned);
    most = Math.max(
      most,
      given.reduce((sum, { tokens }) => sum + tokens, summary),
    );
    add(run, 1, turn);
    const plan = planSummary({
      units,
      runId: null,
      capacity,
      callCapacity: capacity,
      summaryTokens: summary,
      runs: 1_000,
    });
    if (!plan) continue;
    summaries += 1;
    const covered = new Set(plan.units);
    units = units.map((unit) => (covered.has(unit) ? { ...unit, isCovered: true } : unit));
  }
  return { summaries, most };
}

test.each([
  { capacity: 100_000, turn: 150, summaryTokens: 800, atMost: 12 },
  { capacity: 100_000, turn: 2_000, summaryTokens: 2_000, atMost: 13 },
  { capacity: 3_000, turn: 40, summaryTokens: 100, atMost: 13 },
  { capacity: 3_000, turn: 40, summaryTokens: maxSummaryTokens(3_000, 2_000), atMost: 15 },
])('a talk of ten times its room of $capacity tokens has at most $atMost summaries of $summaryTokens', (talk) => {
  const { summaries, most } = summariesOf(talk);
  expect(summaries).toBeGreaterThanOrEqual(9);
  expect(summaries).toBeLessThanOrEqual(talk.atMost);
  expect(most).toBeLessThanOrEqual(talk.capacity);
});

test('pinned messages for which a summary stands take room: the window is not full before the next summary', () => {
  const { most } = summariesOf({ capacity: 10_000, turn: 100, summaryTokens: 500, pinned: 3_000 });
  expect(most).toBeLessThanOrEqual(10_000);
});
