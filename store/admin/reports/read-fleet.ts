import type { FleetTotals } from '../../../contracts/admin/fleet.ts';
import { usdOf } from '../../../core/money/price.ts';
import type { Db } from '../../db/db.ts';
import { countOpenRuns } from './count-open.ts';

/** What {@link readFleet} reads; the number of active sessions is that of `countActive`. */
type StoredTotals = Omit<FleetTotals, 'pauses' | 'sessions'> & { readonly servedSessions: number };

interface Row {
  readonly at: string;
  readonly served: number;
  readonly today: Omit<StoredTotals['today'], 'costUsd' | 'failedRuns'> & { readonly costNanos: number };
  readonly failedRuns: number;
  readonly workers: StoredTotals['workers'];
}

/** For operators: reads the totals of all users, from small tables and partial indexes, in time for who watches. */
export async function readFleet(db: Db): Promise<StoredTotals> {
  const [open, [row]] = await Promise.all([countOpenRuns(db), db.query<Row>(READ, [])]);
  if (!row) throw new Error('The totals are absent.');
  const { costNanos, ...today } = row.today;
  return {
    at: new Date(row.at).toISOString(),
    servedSessions: row.served,
    runs: {
      queued: open.queuedRuns,
      running: open.runningRuns,
      waiting: open.waitingRuns,
      oldestQueuedMs: Math.round(open.oldestQueuedSeconds * 1_000),
    },
    today: { ...today, failedRuns: row.failedRuns, costUsd: usdOf(costNanos) },
    workers: row.workers.map((worker) => ({ ...worker, startedAt: new Date(worker.startedAt).toISOString() })),
  };
}

const READ = `
  SELECT date_trunc('milliseconds', clock_timestamp()) AS at,
         (SELECT count(*)::int FROM perdure.sessions WHERE served_by IS NOT NULL) AS served,
         (SELECT json_build_object(
                   'modelCalls', coalesce(sum(calls), 0), 'failedModelCalls', coalesce(sum(failed_calls), 0),
                   'inputTokens', coalesce(sum(input_tokens), 0), 'outputTokens', coalesce(sum(output_tokens), 0),
                   'costNanos', coalesce(sum(cost_nanos), 0), 'unpricedCalls', coalesce(sum(unpriced_calls), 0))
            FROM perdure.usage_days WHERE day = (now() AT TIME ZONE 'UTC')::date) AS today,
         (SELECT count(*)::int FROM perdure.runs
           WHERE status = 'failed'
             AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') AS "failedRuns",
         (SELECT coalesce(json_agg(json_build_object(
                   'id', worker_id, 'version', version, 'startedAt', started_at, 'draining', draining_at IS NOT NULL,
                   'begunRuns', begun -> 'runs') ORDER BY started_at, worker_id), '[]')
            FROM perdure.workers WHERE expires_at > clock_timestamp()) AS workers`;
