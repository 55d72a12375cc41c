import { array, assert, boolean, integer, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { circuitAfter, circuitPhase, CLOSED, type Circuit } from '../../../core/providers/circuit.ts';

const settings = { failures: 5, openMs: 60_000 };
const failed = { failed: true, trial: false };
const answered = { failed: false, trial: false };

function after(calls: readonly (typeof failed)[], from: Circuit = CLOSED, nowMs = 0): Circuit {
  return calls.reduce((circuit, call) => circuitAfter(circuit, settings, call, nowMs), from);
}

test('five failures in a row open it for a minute; after that it is half open', () => {
  expect(circuitPhase(after([failed, failed, failed, failed]), 0)).toBe('closed');
  const open = after([failed, failed, failed, failed, failed], CLOSED, 1_000);
  expect(open).toEqual({ failures: 5, openedAtMs: 1_000, openUntilMs: 61_000 });
  expect([1_000, 60_999, 61_000, 999_999].map((at) => circuitPhase(open, at))).toEqual([
    'open',
    'open',
    'half_open',
    'half_open',
  ]);
});

const of = (run: string) => ({ failed: true, trial: false, countsOnceFor: run });

test('the failures of a run that may have caused them itself count once', () => {
  const alone = after([of('a'), of('a'), of('a'), of('a'), of('a'), of('a')]);
  expect(alone).toMatchObject({ failures: 1, openUntilMs: null });
  expect(after([of('b'), of('c'), of('d')], alone)).toMatchObject({ failures: 4, openUntilMs: null });
  expect(circuitPhase(after([of('b'), of('c'), of('d'), of('a'), of('e')], alone), 0)).toBe('open');
  expect(after([answered, of('a')], alone)).toMatchObject({ failures: 1 });
});

test('a call that is answered begins the count anew', () => {
  expect(after([failed, failed, failed, failed, answered, failed, failed])).toMatchObject({ failures: 2 });
});

test('calls that were begun before it opened change nothing; the trial call decides', () => {
  const open = after([failed, failed, failed, failed, failed]);
  expect(after([failed, answered], open, 10)).toEqual(open);
  expect(after([answered], open, 70_000)).toEqual(open);
  expect(circuitAfter(open, settings, { failed: false, trial: true }, 70_000)).toEqual(CLOSED);
  expect(circuitAfter(open, settings, { failed: true, trial: true }, 70_000)).toEqual({
    failures: 6,
    openedAtMs: 0,
    openUntilMs: 130_000,
  });
});

test('it is closed for good only by a call that was answered, and open only after enough failures in a row', () => {
  const call = record({ failed: boolean(), trial: boolean(), afterMs: integer({ min: 0, max: 90_000 }) });
  const holds = property(array(call, { maxLength: 60 }), (calls) => {
    let circuit = CLOSED;
    let now = 0;
    let row = 0;
    for (const { afterMs, ...one } of calls) {
      now += afterMs;
      const before = circuitPhase(circuit, now);
      circuit = circuitAfter(circuit, settings, one, now);
      row = one.failed ? row + 1 : 0;
      const phase = circuitPhase(circuit, now);
      const closes = before !== 'closed' && phase === 'closed';
      const opens = before === 'closed' && phase !== 'closed';
      expect(closes && (one.failed || !one.trial)).toBe(false);
      expect(opens && row < settings.failures).toBe(false);
      expect(before === 'open' && phase === 'half_open').toBe(false);
    }
  });
  assert(holds);
});
