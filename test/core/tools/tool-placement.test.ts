import { expect, test } from 'vitest';
import type { ToolSpec } from '../../../contracts/agent.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { placeTool } from '../../../core/tools/tool-placement.ts';

const quick: ToolSpec = {
  name: 'quick',
  description: 'Quick.',
  parameters: { type: 'object' },
  idempotent: true,
  timeoutMs: LIMITS.inPlaceToolMs.value,
  retry: {},
};
const unbounded = { stepsPerActivity: Number.POSITIVE_INFINITY };

test('an idempotent tool whose timeout is at most the limit runs in place', () => {
  expect(placeTool(quick, unbounded)).toBe('in-place');
});

test('a tool that is not idempotent gets its own activity', () => {
  expect(placeTool({ ...quick, idempotent: false }, unbounded)).toBe('own-activity');
});

test('a tool whose timeout is over the limit gets its own activity', () => {
  expect(placeTool({ ...quick, timeoutMs: LIMITS.inPlaceToolMs.value + 1 }, unbounded)).toBe('own-activity');
});

test('one step per activity gives every tool its own activity, and two steps do not', () => {
  expect(placeTool(quick, { stepsPerActivity: 1 })).toBe('own-activity');
  expect(placeTool(quick, { stepsPerActivity: 2 })).toBe('in-place');
});
