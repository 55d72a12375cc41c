/** A run that has not ended, as the workflow's queue holds it. */
export interface OpenRun {
  readonly runId: string;
  /** Position in the order of admission. A run that is resumed gets a new one. */
  readonly ordinal: number;
  /** Starts before runs that are not urgent: its message interrupted a run. */
  readonly urgent: boolean;
}

/** The open runs of a session. ARCHITECTURE.md shows the states of a run in it. */
export interface RunQueue {
  /** In the order in which they will start. */
  readonly waiting: readonly OpenRun[];
  /** The run whose activities are executing. */
  readonly current: OpenRun | null;
  /** Id of the waiting run that has begun and was suspended, because the workflow continues as new. */
  readonly resumeFirst: string | null;
  /** Runs that are being ended in the store without having been current. */
  readonly ending: readonly OpenRun[];
}

export const EMPTY_QUEUE: RunQueue = { waiting: [], current: null, resumeFirst: null, ending: [] };

/**
 * Adds a waiting run: urgent runs first, then in the order of admission. A run that is waiting or current is not added
 * again, unless it was resumed since.
 */
export function enqueue(queue: RunQueue, run: OpenRun): RunQueue {
  const { current, waiting } = queue;
  if (current?.runId === run.runId && current.ordinal === run.ordinal) return queue;
  const known = waiting.find(({ runId }) => runId === run.runId);
  if (known && known.ordinal >= run.ordinal) return queue;
  const sorted = [...waiting.filter((one) => one !== known), run].toSorted(
    (a, b) => Number(b.urgent) - Number(a.urgent) || a.ordinal - b.ordinal,
  );
  return { ...queue, waiting: sorted };
}

/** Makes the first waiting run current. */
export function startNext(queue: RunQueue): RunQueue {
  const [current, ...waiting] = queue.waiting;
  return current ? { ...queue, current, waiting, resumeFirst: null } : queue;
}

/** Makes a run current instead of the one before, which has ended. */
export function replaceCurrent(queue: RunQueue, current: OpenRun): RunQueue {
  return { ...removeEnded(queue, [current.runId]), current };
}

/** Removes every waiting run with this ordinal or a lower one. */
export function removeThrough(queue: RunQueue, lastOrdinal: number): RunQueue {
  return removeWaiting(queue, ({ ordinal }) => ordinal <= lastOrdinal);
}

/** Puts the current run back in front of all waiting ones, where the next execution finds it. */
export function suspendCurrent(queue: RunQueue): RunQueue {
  const { current, waiting } = queue;
  if (!current) return queue;
  return { ...queue, current: null, waiting: [current, ...waiting], resumeFirst: current.runId };
}

/** Removes the current run, which has ended. */
export function endCurrent(queue: RunQueue): RunQueue {
  return { ...queue, current: null };
}

/** Takes a waiting run out of the order, to end it in the store. */
export function beginEnding(queue: RunQueue, run: OpenRun): RunQueue {
  const removed = removeWaiting(queue, (one) => one === run);
  return { ...removed, ending: [...queue.ending, run] };
}

/** Removes a run that has ended after {@link beginEnding}. */
export function finishEnding(queue: RunQueue, run: OpenRun): RunQueue {
  return { ...queue, ending: queue.ending.filter((one) => one !== run) };
}

/** Removes waiting runs that the store has ended. */
export function removeEnded(queue: RunQueue, runIds: readonly string[]): RunQueue {
  return removeWaiting(queue, ({ runId }) => runIds.includes(runId));
}

/** Id of the run that a cancel without a run id means: the current run, else the suspended one; null if there is neither. */
export function runInProgress({ current, resumeFirst }: RunQueue): string | null {
  return current?.runId ?? resumeFirst;
}

function removeWaiting(queue: RunQueue, isRemoved: (run: OpenRun) => boolean): RunQueue {
  const waiting = queue.waiting.filter((run) => !isRemoved(run));
  const resumeFirst = waiting.some(({ runId }) => runId === queue.resumeFirst) ? queue.resumeFirst : null;
  return { ...queue, waiting, resumeFirst };
}
