import { expect, test } from 'vitest';
import { undecodable } from '../../contracts/undecodable.ts';
import { wakeReference } from '../../workflows/wake-reference.ts';

const run = { runId: 'r1', ordinal: 1, urgent: false };
const valid = { session: { status: 'active', agent: 'assistant' }, run, interrupts: null, wasIdle: true };

test('a reference is taken as it is, and a later field is ignored', () => {
  expect(wakeReference(valid)).toEqual(valid);
  expect(wakeReference({ ...valid, after: 'r0' })?.after).toBe('r0');
  expect(wakeReference({ ...valid, run: null, interrupts: 'r0', more: 1 })).toEqual({
    ...valid,
    run: null,
    interrupts: 'r0',
  });
});

test.each([
  undefined,
  null,
  5,
  'text',
  [],
  {},
  undecodable('SyntaxError'),
  { ...valid, session: null },
  { ...valid, session: { status: 'odd', agent: 'a' } },
  { ...valid, session: { status: 'active', agent: 'a', dueInMs: 'soon' } },
  { ...valid, run: undefined },
  { ...valid, run: { ...run, runId: '' } },
  { ...valid, run: { ...run, ordinal: -1 } },
  { ...valid, run: { ...run, urgent: 'yes' } },
  { ...valid, interrupts: 5 },
  { ...valid, wasIdle: null },
  { ...valid, after: 5 },
])('anything else is no reference: %j', (input) => {
  expect(wakeReference(input)).toBeNull();
});
