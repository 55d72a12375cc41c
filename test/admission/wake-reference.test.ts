import { expect, test } from 'vitest';
import { needsWake } from '../../admission/needs-wake.ts';
import { mergeReferences } from '../../admission/wake-reference.ts';
import type { WakeReference } from '../../contracts/session/wake-reference.ts';

const run = { runId: 'r2', ordinal: 2, urgent: false };

test.each([
  ['a new run', { duplicate: false, run, interrupts: null }, 'r1', true],
  ['a new run in an idle session', { duplicate: false, run, interrupts: null }, null, true],
  ['a message that joined the running run', { duplicate: false, run: null, interrupts: null }, 'r1', false],
  ['a repeated message whose run is queued', { duplicate: true, run, interrupts: null }, 'r1', true],
  ['a repeated message whose run is running', { duplicate: true, run, interrupts: null }, 'r2', false],
  ['a repeated message whose run has ended', { duplicate: true, run: null, interrupts: null }, null, false],
  ['a repeated message whose run to stop is running', { duplicate: true, run, interrupts: 'r1' }, 'r1', true],
])('whether the workflow is signalled, if no activity serves the session: %s', (_, accepted, running, needed) => {
  expect(needsWake(accepted, { running, served: false, isHeld: false })).toBe(needed);
  expect(needsWake(accepted, { running, served: true, isHeld: false })).toBe(false);
});

const reference = (fields: Partial<WakeReference>): WakeReference => ({
  session: { status: 'active', agent: 'assistant' },
  run,
  interrupts: null,
  wasIdle: true,
  ...fields,
});

test('two references become one that names no run, and keeps the newest run to stop', () => {
  expect(mergeReferences(reference({}), reference({}))).toEqual(reference({ run: null, wasIdle: false }));
  expect(mergeReferences(reference({ interrupts: 'r0' }), reference({})).interrupts).toBe('r0');
  expect(mergeReferences(reference({ interrupts: 'r0' }), reference({ interrupts: 'r1' })).interrupts).toBe('r1');
});
