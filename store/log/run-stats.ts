import { endsRun, type RunEndType } from '../../contracts/events/event-traits.ts';
import { bucketOf } from '../../core/duration-buckets.ts';
import type { PendingEvents } from './pending-events.ts';
import type { RunRow } from './rows.ts';

/** What run ends add to the statistics of a user's day: a row of the table `run_stats`. */
export interface RunStatsRow {
  readonly day: string;
  readonly agent: string;
  /** -1 for runs without a known duration. */
  readonly bucket: number;
  ended: number;
  failed: number;
  cancelled: number;
  busy_ms: number;
}

/** The counter that a run end increments, besides `ended`. */
export const RUN_END_COUNTERS: Readonly<Record<RunEndType, 'failed' | 'cancelled' | null>> = {
  'run.completed': null,
  'run.failed': 'failed',
  'run.cancelled': 'cancelled',
};

/** Returns the counts that the run ends among the events add: one row per agent and bucket; empty when no run ends. */
export function runStatsOf(drafts: PendingEvents['drafts'], runs: readonly RunRow[], at: string): RunStatsRow[] {
  const rows = new Map<string, RunStatsRow>();
  for (const { event } of drafts) {
    if (!endsRun(event.type) || !('runId' in event)) continue;
    const run = runs.find(({ run_id }) => run_id === event.runId);
    if (!run) continue;
    const ms = durationMs(run, at);
    const bucket = ms === null ? -1 : bucketOf(ms);
    const name = JSON.stringify([run.agent, bucket]);
    const row = rows.get(name) ?? zeroRow(at.slice(0, 10), run.agent, bucket);
    rows.set(name, row);
    row.ended += 1;
    const counter = RUN_END_COUNTERS[event.type];
    if (counter !== null) row[counter] += 1;
    row.busy_ms += ms ?? 0;
  }
  // A fixed order, so that two transactions that update the same rows lock them in the same order.
  return [...rows.values()].toSorted((a, b) => a.agent.localeCompare(b.agent) || a.bucket - b.bucket);
}

function zeroRow(day: string, agent: string, bucket: number): RunStatsRow {
  return { day, agent, bucket, ended: 0, failed: 0, cancelled: 0, busy_ms: 0 };
}

/** From start to end. Null for a run that never started or was resumed: no work was done between its end and its resume. */
function durationMs(run: RunRow, at: string): number | null {
  if (run.started_at === null || run.resumes > 0) return null;
  return Math.max(0, Date.parse(at) - Date.parse(run.started_at));
}
