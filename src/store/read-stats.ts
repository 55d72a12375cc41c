import type { Stats } from '../contracts/stats.ts';
import { UNKNOWN_USAGE } from '../contracts/run.ts';
import { percentileMs } from '../core/duration-buckets.ts';
import type { Db } from './db.ts';
import type { TokenColumns } from './rows.ts';

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

interface UsageRow extends TokenColumns {
  readonly key: string;
  readonly unmetered_calls: number;
  readonly unpriced_calls: number;
  readonly cost_nanos: number;
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
  const used = await db.query<UsageRow>(
    `SELECT ${KEY[by]} AS key, sum(s.input_tokens)::float8 AS input_tokens, sum(s.output_tokens)::float8 AS output_tokens,
            sum(s.cached_tokens)::float8 AS cached_tokens, sum(s.reasoning_tokens)::float8 AS reasoning_tokens,
            sum(s.unmetered_calls)::int AS unmetered_calls, sum(s.unpriced_calls)::int AS unpriced_calls,
            sum(s.cost_nanos)::float8 AS cost_nanos
       FROM perdure.usage_days s
      WHERE s.user_id = $1 AND s.day >= coalesce($2::date, '-infinity') AND s.day <= coalesce($3::date, 'infinity')
      GROUP BY 1`,
    [user, from, to],
  );
  const data = [...Map.groupBy(rows, ({ key }) => key)].map(([key, of]) => {
    const usage = used.filter((row) => row.key === key);
    return { key, ...timesOf(of), ...costOf(usage) };
  });
  return { data, total: { ...timesOf(rows), ...costOf(used) } };
}

/** Of all model calls, those of runs that have not ended included. One call of which nobody knows makes a sum unknown. */
function costOf(rows: readonly UsageRow[]): Pick<Stats, 'usage' | 'costUsd'> {
  const sum = (read: (row: UsageRow) => number | null) => rows.reduce((all, row) => all + (read(row) ?? 0), 0);
  const unmetered = sum((row) => row.unmetered_calls) > 0;
  return {
    usage: unmetered
      ? UNKNOWN_USAGE
      : {
          inputTokens: sum((row) => row.input_tokens),
          outputTokens: sum((row) => row.output_tokens),
          cachedTokens: sum((row) => row.cached_tokens),
          reasoningTokens: sum((row) => row.reasoning_tokens),
        },
    costUsd: sum((row) => row.unpriced_calls) > 0 ? null : sum((row) => row.cost_nanos) / 1e9,
  };
}

function timesOf(rows: readonly BucketRow[]): Omit<Stats, 'usage' | 'costUsd'> {
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
