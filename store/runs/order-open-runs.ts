import type { OpenRun } from '../../core/session/run-queue.ts';

/** What a decision about the queue needs of a run. */
export interface OpenRunRow {
  readonly run_id: string;
  readonly ordinal: number;
  readonly urgent: boolean;
  readonly status: string;
  readonly bytes: number;
}

/** Open runs as they will go: the running one, then urgent ones, then by ordinal. */
export function orderOpenRuns(runs: readonly OpenRunRow[]): OpenRun[] {
  const rank = (run: OpenRunRow) => (run.status === 'running' ? 0 : run.urgent ? 1 : 2);
  return runs.toSorted((a, b) => rank(a) - rank(b) || a.ordinal - b.ordinal).map(openRunOf);
}

export function openRunOf({ run_id, ordinal, urgent }: OpenRunRow): OpenRun {
  return { runId: run_id, ordinal, urgent };
}
