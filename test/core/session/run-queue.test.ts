import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginEnding,
  EMPTY_QUEUE,
  endCurrent,
  enqueue,
  finishEnding,
  removeEnded,
  runInProgress,
  startNext,
  suspendCurrent,
  type OpenRun,
  type RunQueue,
} from '../../../core/session/run-queue.ts';

const runs = fc.uniqueArray(fc.record({ ordinal: fc.integer({ min: 1, max: 99 }), urgent: fc.boolean() }), {
  selector: ({ ordinal }) => ordinal,
});
const named = (run: Omit<OpenRun, 'runId'>): OpenRun => ({ ...run, runId: `r${run.ordinal}` });
const run = (ordinal: number, urgent = false): OpenRun => named({ ordinal, urgent });
const queueOf = (...open: OpenRun[]): RunQueue => open.reduce(enqueue, EMPTY_QUEUE);
const waitingIn = ({ waiting }: RunQueue): string[] => waiting.map(({ runId }) => runId);

test('whatever order runs come in, urgent ones go first and the rest in the order of admission', () => {
  fc.assert(
    fc.property(runs, (list) => {
      const { waiting } = queueOf(...list.map(named));
      const order = waiting.map(({ urgent, ordinal }) => (urgent ? 0 : 1_000) + ordinal);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(waiting).toHaveLength(list.length);
    }),
  );
});

test('a run that is in the queue is not added again', () => {
  const known = { runId: 'r', ordinal: 1, urgent: false };
  expect(enqueue(queueOf(known), { ...known, urgent: true })).toEqual(queueOf(known));
});

test('a run that is current is not added again', () => {
  const queue = startNext(queueOf(run(1)));
  expect(enqueue(queue, run(1))).toBe(queue);
});

test('a run that was resumed is added again, in its new place, even while it is current', () => {
  const resumed = { ...run(1), ordinal: 5 };
  expect(enqueue(queueOf(run(1), run(2)), resumed).waiting).toEqual([run(2), resumed]);
  expect(enqueue(startNext(queueOf(run(1), run(2))), resumed).waiting).toEqual([run(2), resumed]);
});

test('the first waiting run becomes current, and nothing changes when none waits', () => {
  const queue = startNext(queueOf(run(1), run(2, true)));
  expect(queue.current).toEqual(run(2, true));
  expect(waitingIn(queue)).toEqual(['r1']);
  expect(startNext(EMPTY_QUEUE)).toBe(EMPTY_QUEUE);
});

test('a suspended run is in progress, and waits in front of all others until a run starts', () => {
  const queue = suspendCurrent(enqueue(startNext(queueOf(run(1), run(2))), run(3, true)));
  expect(waitingIn(queue)).toEqual(['r1', 'r3', 'r2']);
  expect([queue.current, runInProgress(queue)]).toEqual([null, 'r1']);
  expect(startNext(queue)).toMatchObject({ current: run(1), resumeFirst: null });
});

test('a run that has ended is no longer in progress', () => {
  const queue = startNext(queueOf(run(1), run(2)));
  expect(runInProgress(queue)).toBe('r1');
  expect(runInProgress(endCurrent(queue))).toBeNull();
  expect(waitingIn(endCurrent(queue))).toEqual(['r2']);
});

test('a waiting run that is being ended no longer waits, and leaves the queue when it has ended', () => {
  const queue = suspendCurrent(startNext(queueOf(run(1), run(2))));
  const [first] = queue.waiting as [OpenRun];
  const ending = beginEnding(queue, first);
  expect(ending.ending).toEqual([run(1)]);
  expect([waitingIn(ending), runInProgress(ending)]).toEqual([['r2'], null]);
  expect(finishEnding(ending, first)).toEqual(queueOf(run(2)));
});

test('waiting runs that the store has ended are removed, and others keep their place', () => {
  const queue = removeEnded(suspendCurrent(startNext(queueOf(run(1), run(2), run(3)))), ['r2', 'r9']);
  expect(waitingIn(queue)).toEqual(['r1', 'r3']);
  expect(runInProgress(queue)).toBe('r1');
});

test('whatever happens, no run is in two states, and none is lost but by ending', () => {
  const step = fc.constantFrom('add', 'start', 'suspend', 'end current', 'begin ending', 'finish ending');
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let queue = EMPTY_QUEUE;
      let added = 0;
      let ended = 0;
      for (const name of steps) {
        const [first] = queue.waiting;
        const [ending] = queue.ending;
        if (name === 'add') queue = enqueue(queue, run((added += 1)));
        if (name === 'start' && !queue.current) queue = startNext(queue);
        if (name === 'suspend') queue = suspendCurrent(queue);
        if (name === 'end current' && queue.current) [queue, ended] = [endCurrent(queue), ended + 1];
        if (name === 'begin ending' && first) queue = beginEnding(queue, first);
        if (name === 'finish ending' && ending) [queue, ended] = [finishEnding(queue, ending), ended + 1];
        const ids = [...queue.waiting, ...queue.ending, ...(queue.current ? [queue.current] : [])].map((r) => r.runId);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toHaveLength(added - ended);
      }
    }),
  );
});
