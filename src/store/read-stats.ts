import type { Stats } from '../contracts/stats.ts';
import { UNKNOWN_USAGE } from '../contracts/run.ts';
import { percentileMs } from '../core/duration-buckets.ts';
import type { Db } from './db.ts';

/** Days, UTC, `YYYY-MM-DD`, both included; null is open. */
export interface StatsRange {
  readonly from: string | null;
  readonly to: string | null;
}

interface BucketRow {
  readonly key: string;
  readonly bucket: number;
  readonly ended: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly busy_ms: number;
}

const KEY = { user: 's.user_id', agent: 's.agent', day: 's.day::text' } as const;

/** How a user's runs went, for each agent or day, or all of them, ordered by name. Percentiles are within 10 %. */
export async function readStats(
  db: Db,
  user: string,
  by: keyof typeof KEY,
  { from, to }: StatsRange,
): Promise<{ data: (Stats & { key: string })[]; total: Stats }> {
  const rows = await db.query<BucketRow>(
    `SELECT ${KEY[by]} AS key, s.bucket, sum(s.ended)::int AS ended, sum(s.failed)::int AS failed,
            sum(s.cancelled)::int AS cancelled, sum(s.busy_ms)::float8 AS busy_ms
       FROM perdure.run_stats s
      WHERE s.user_id = $1 AND s.day >= coalesce($2::date, '-infinity') AND s.day <= coalesce($3::date, 'infinity')
      GROUP BY 1, 2
      ORDER BY 1`,
    [user, from, to],
  );
  const data = [...Map.groupBy(rows, ({ key }) => key)].map(([key, of]) => ({ key, ...statsOf(of) }));
  return { data, total: statsOf(rows) };
}

function statsOf(rows: readonly BucketRow[]): Stats {
  const sum = (name: 'ended' | 'failed' | 'cancelled' | 'busy_ms', of = rows) =>
    of.reduce((all, row) => all + row[name], 0);
  const timed = rows.filter(({ bucket }) => bucket >= 0);
  const counts = timed.map(({ bucket, ended }) => ({ bucket, count: ended }));
  const requests = sum('ended');
  return {
    requests,
    errors: sum('failed'),
    cancelled: sum('cancelled'),
    errorRate: ratio(sum('failed'), requests),
    meanMs: mean(sum('busy_ms', timed), sum('ended', timed)),
    p50Ms: percentileMs(counts, 0.5),
    p95Ms: percentileMs(counts, 0.95),
    usage: UNKNOWN_USAGE,
    costUsd: null,
  };
}

/** Null of nothing. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** To a millisecond; null of nothing. */
export function mean(sumMs: number, count: number): number | null {
  return count === 0 ? null : Math.round(sumMs / count);
}
