import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainRun } from '../../../core/why/explain-run.ts';
import type { RunFacts } from '../../../core/why/run-facts.ts';
import { at, facts, modelCall, run, step, toolCall } from './facts.ts';

const ms = fc.integer({ min: -50, max: 3_000 });
const time = ms.map(at);
const end = fc.option(time);

/** Times in any order, overlapping, before the start and after the end: clocks of several machines make such. */
const course: fc.Arbitrary<RunFacts> = fc
  .record({
    endedAt: fc.option(fc.integer({ min: 0, max: 2_000 }).map(at)),
    startedAt: end,
    steps: fc.array(
      fc.record({ startedAt: time, endedAt: end, attempts: fc.integer({ min: 1, max: 4 }), committed: fc.boolean() }),
      { maxLength: 4 },
    ),
    calls: fc.array(fc.record({ startedAt: end, endedAt: end, attempts: fc.integer({ min: 0, max: 3 }) }), {
      maxLength: 4,
    }),
    models: fc.array(
      fc.record({
        step: fc.integer({ min: 1, max: 4 }),
        startedAt: time,
        endedAt: end,
        costUsd: fc.option(fc.double({ min: 0, max: 5, noNaN: true })),
      }),
      { maxLength: 6 },
    ),
    waits: fc.array(
      fc.record({ kind: fc.constantFrom('limit', 'circuit', 'approval'), startedAt: time, endedAt: end }),
      {
        maxLength: 3,
      },
    ),
    periods: fc.array(fc.record({ startedAt: time, endedAt: end, ending: fc.constant('failed') }), { maxLength: 3 }),
    ahead: fc.option(fc.record({ runId: fc.constant('run-0'), endedAt: end })),
    durationMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  })
  .map(({ endedAt, startedAt, steps, calls, models, waits, periods, ahead, durationMs }) =>
    facts({
      run: run({ endedAt, startedAt, status: endedAt === null ? 'running' : 'completed' }),
      steps: steps.map((one, index) => step({ ...one, step: index + 1 })),
      toolCalls: calls.map((one, index) => toolCall({ ...one, callId: `c${index}` })),
      modelCalls: models.map((one, index) => modelCall({ ...one, attempt: index + 1 })),
      waits: waits.map((one) => ({ ...one, who: 'test' })),
      replies: steps.map((_, index) => ({ step: index + 1, durationMs })),
      periods,
      ahead,
      now: at(2_500),
    }),
  );

test("spans cover a run's time without a hole, overhead covers nothing that has another name, and the sums add up", () => {
  fc.assert(
    fc.property(course, (given) => {
      const { spans, wallMs, time: sums } = explainRun(given);
      let covered = 0;
      for (const { startMs, durationMs, label } of spans) {
        expect(startMs).toBeLessThanOrEqual(covered);
        expect(durationMs).toBeGreaterThanOrEqual(0);
        expect(label).not.toBe('');
        covered = Math.max(covered, startMs + durationMs);
      }
      expect(covered).toBe(wallMs);
      for (const gap of spans.filter(({ kind }) => kind === 'overhead')) {
        const inside = spans.filter(
          (span) =>
            span !== gap && span.startMs < gap.startMs + gap.durationMs && gap.startMs < span.startMs + span.durationMs,
        );
        expect(inside.filter(({ durationMs }) => durationMs > 0)).toEqual([]);
      }
      expect(sums.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(wallMs);
    }),
  );
});

test('the cost of the calls adds up to the total, or the total is unknown', () => {
  fc.assert(
    fc.property(course, (given) => {
      const { calls, total, known, unknownCalls } = explainRun(given).cost;
      const sum = calls.reduce((all, { costUsd }) => all + (costUsd ?? 0), 0);
      expect(known.costUsd).toBeCloseTo(sum, 9);
      expect(total.costUsd).toBe(unknownCalls > 0 ? null : known.costUsd);
    }),
  );
});
