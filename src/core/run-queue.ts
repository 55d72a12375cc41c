/** A run that is not over, as the workflow's queue holds it. */
export interface OpenRun {
  readonly runId: string;
  /** Position in the order of admission. */
  readonly ordinal: number;
  /** Goes ahead of those that are not: it interrupted a run. */
  readonly urgent: boolean;
}

/** The queue with `run` in its place: urgent ones first, then in the order of admission. A run that is there already is not added. */
export function enqueue(queue: readonly OpenRun[], run: OpenRun): readonly OpenRun[] {
  if (queue.some(({ runId }) => runId === run.runId)) return queue;
  return [...queue, run].toSorted((a, b) => Number(b.urgent) - Number(a.urgent) || a.ordinal - b.ordinal);
}
