import type { OpenRun } from '../../core/session/run-queue.ts';

/** The columns of an open run that decisions about the queue need. */
export interface OpenRunRow {
  readonly run_id: string;
  /** See `RunRow`. */
  readonly holds_queue?: boolean | null;
  readonly ordinal: number;
  readonly urgent: boolean;
  readonly status: string;
  readonly bytes: number;
}

/** Sorts open runs in the order of execution: the running one, then urgent ones, then by ordinal; those that wait for an answer last. */
export function orderOpenRuns(runs: readonly OpenRunRow[]): OpenRun[] {
  const rank = (run: OpenRunRow) => (run.status === 'running' ? 0 : run.status === 'waiting' ? 3 : run.urgent ? 1 : 2);
  return runs.toSorted((a, b) => rank(a) - rank(b) || a.ordinal - b.ordinal).map(openRunOf);
}

/** Converts a row to an `OpenRun`. */
export function openRunOf({ run_id, ordinal, urgent }: OpenRunRow): OpenRun {
  return { runId: run_id, ordinal, urgent };
}
