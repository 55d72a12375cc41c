import { expect, test } from 'vitest';
import { LIMITS } from '../../../contracts/limits.ts';
import {
  decideToolPlacement,
  type PlacementFacts,
  type ToolPlacement,
} from '../../../core/tools/decide-tool-placement.ts';

const quick = { idempotent: true, timeoutMs: LIMITS.inPlaceToolMs.value };

/** Where a quick, idempotent tool that this worker has runs, but for the given facts. */
const placed = (facts: Partial<PlacementFacts> = {}): ToolPlacement =>
  decideToolPlacement({
    spec: quick,
    refused: false,
    lost: false,
    hasCode: true,
    stepsPerActivity: Number.POSITIVE_INFINITY,
    ...facts,
  });

test('an idempotent tool whose timeout is at most the limit runs in place', () => {
  expect(placed()).toBe('in-place');
});

test('a tool that is not idempotent gets its own activity', () => {
  expect(placed({ spec: { ...quick, idempotent: false } })).toBe('own-activity');
});

test('a tool whose timeout is over the limit gets its own activity', () => {
  expect(placed({ spec: { ...quick, timeoutMs: LIMITS.inPlaceToolMs.value + 1 } })).toBe('own-activity');
});

test('one step per activity gives every tool its own activity, and two steps do not', () => {
  expect(placed({ stepsPerActivity: 1 })).toBe('own-activity');
  expect(placed({ stepsPerActivity: 2 })).toBe('in-place');
});

test('a tool without code on this worker gets its own activity, which another worker can take', () => {
  expect(placed({ hasCode: false })).toBe('own-activity');
});

test('a call that has lost a worker gets its own activity, apart from the calls beside it', () => {
  expect(placed({ lost: true })).toBe('own-activity');
});

test('a refused call is not executed, whatever its tool is', () => {
  expect(placed({ refused: true })).toBe('none');
  expect(placed({ refused: true, spec: undefined, hasCode: false })).toBe('none');
  expect(placed({ refused: true, stepsPerActivity: 1 })).toBe('none');
});

test('a call of a tool that the agent does not have fails in place', () => {
  expect(placed({ spec: undefined, hasCode: false })).toBe('in-place');
  expect(placed({ spec: undefined, hasCode: true, stepsPerActivity: 1 })).toBe('in-place');
});
