import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { enqueue, type OpenRun } from '../../../core/session/run-queue.ts';

const runs = fc.uniqueArray(fc.record({ ordinal: fc.integer({ min: 1, max: 99 }), urgent: fc.boolean() }), {
  selector: ({ ordinal }) => ordinal,
});
const named = (run: Omit<OpenRun, 'runId'>): OpenRun => ({ ...run, runId: `r${run.ordinal}` });

test('whatever order runs come in, urgent ones go first and the rest in the order of admission', () => {
  fc.assert(
    fc.property(runs, (list) => {
      const queue = list.map(named).reduce(enqueue, [] as readonly OpenRun[]);
      const order = queue.map(({ urgent, ordinal }) => (urgent ? 0 : 1_000) + ordinal);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(queue).toHaveLength(list.length);
    }),
  );
});

test('a run that is in the queue is not added again', () => {
  const run = { runId: 'r', ordinal: 1, urgent: false };
  expect(enqueue([run], { ...run, urgent: true })).toEqual([run]);
});
