import { endsRun } from '../../contracts/session/event.ts';
import { bucketOf } from '../../core/duration-buckets.ts';
import type { PendingEvents } from './pending-events.ts';
import type { RunRow } from './rows.ts';

/** What ends of runs add to the statistics of a user's day. */
export interface RunStatsRow {
  readonly day: string;
  readonly agent: string;
  /** -1 for runs of which no duration is known. */
  readonly bucket: number;
  ended: number;
  failed: number;
  cancelled: number;
  busy_ms: number;
}

/** What the ends of runs among these events add: a row for each agent and bucket. Empty while no run ends. */
export function runStatsOf(drafts: PendingEvents['drafts'], runs: readonly RunRow[], at: string): RunStatsRow[] {
  const rows = new Map<string, RunStatsRow>();
  for (const { event } of drafts) {
    if (!endsRun(event.type) || !('runId' in event)) continue;
    const run = runs.find(({ run_id }) => run_id === event.runId);
    if (!run) continue;
    const ms = durationOf(run, at);
    const bucket = ms === null ? -1 : bucketOf(ms);
    const name = JSON.stringify([run.agent, bucket]);
    const row = rows.get(name) ?? none(at.slice(0, 10), run.agent, bucket);
    rows.set(name, row);
    row.ended += 1;
    if (event.type === 'run.failed') row.failed += 1;
    if (event.type === 'run.cancelled') row.cancelled += 1;
    row.busy_ms += ms ?? 0;
  }
  // In one order, so that two sessions that want the same rows take them one after the other.
  return [...rows.values()].toSorted((a, b) => a.agent.localeCompare(b.agent) || a.bucket - b.bucket);
}

function none(day: string, agent: string, bucket: number): RunStatsRow {
  return { day, agent, bucket, ended: 0, failed: 0, cancelled: 0, busy_ms: 0 };
}

/** From its start to its end; null for a run that never started, or was resumed: between its lives nobody worked. */
function durationOf(run: RunRow, at: string): number | null {
  if (run.started_at === null || run.resumes > 0) return null;
  return Math.max(0, Date.parse(at) - Date.parse(run.started_at));
}
