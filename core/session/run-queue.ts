/** A run that is not over, as the workflow's queue holds it. */
export interface OpenRun {
  readonly runId: string;
  /** Position in the order of admission. */
  readonly ordinal: number;
  /** Goes ahead of those that are not: it interrupted a run. */
  readonly urgent: boolean;
}

/** The queue with `run` in its place: urgent ones first, then in the order of admission. A run that is there already is not added, unless it was resumed since. */
export function enqueue(queue: readonly OpenRun[], run: OpenRun): readonly OpenRun[] {
  const known = queue.find(({ runId }) => runId === run.runId);
  if (known && known.ordinal >= run.ordinal) return queue;
  return [...queue.filter((one) => one !== known), run].toSorted(
    (a, b) => Number(b.urgent) - Number(a.urgent) || a.ordinal - b.ordinal,
  );
}
