import type { UsageSummary, Stats } from '../../../contracts/stats.ts';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';
import { percentileMs } from '../../../core/duration-buckets.ts';
import type { Db } from '../../db/db.ts';
import { costRecordOf } from '../../log/sums.ts';
import { recordedOf, recordedSumsOf, type RecordedSumRow } from './recorded-sums.ts';
import { NO_SUMS, SUMS_OF_DAYS, type UsageSums } from './usage-report.ts';

/** First and last day, UTC, `YYYY-MM-DD`, both inclusive. Null is unbounded. */
export interface StatsRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** One row per key, at most {@link MAX_STATS_ROWS}, ordered by key, and the total. */
export interface StatsReport {
  readonly data: (Stats & { readonly key: string })[];
  readonly total: Stats;
}

/** Limit of rows: the newest days, otherwise the keys with the most runs. The total covers all. */
const MAX_STATS_ROWS = 1_000;

/** The key of a row, as SQL over `run_stats`, `usage_days` and `recorded_days`. */
const KEY = { user: 'user_id', agent: 'agent', day: 'day::text', nothing: `''` } as const;

interface BucketRow {
  readonly key: string;
  readonly bucket: number;
  readonly ended: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly busy_ms: number;
}

/** Reads run statistics by the day of the run's end, and usage by the day of the model call's start. `user` restricts both to one user; null for all. */
export async function reportStats(
  db: Db,
  by: Exclude<keyof typeof KEY, 'nothing'>,
  { from, to }: StatsRange,
  user: string | null,
): Promise<StatsReport> {
  const days = `day >= coalesce($1::date, '-infinity') AND day <= coalesce($2::date, 'infinity')`;
  const where = user === null ? days : `user_id = $3 AND ${days}`;
  const params = user === null ? [from, to] : [from, to, user];
  const read = async (what: keyof typeof KEY) => {
    const narrowed = what === 'nothing' ? where : `${where} AND ${KEY[what]} IN (${shownKeys(what, where)})`;
    return {
      runs: await db.query<BucketRow>(runsOfDays(KEY[what], narrowed), params),
      calls: await db.query<UsageSums & { key: string }>(callsOfDays(KEY[what], narrowed), params),
      recorded: await db.query<RecordedSumRow>(recordedSumsOf(KEY[what], narrowed), params),
    };
  };
  const { runs, calls, recorded } = await read(by);
  const keys = [...new Set([...runs, ...calls, ...recorded].map(({ key }) => key))].toSorted();
  const all = await read('nothing');
  return {
    data: keys.map((key) => ({
      key,
      ...runTotalsOf(runs.filter((row) => row.key === key)),
      ...usageSummaryOf(calls.find((row) => row.key === key) ?? NO_SUMS),
      ...recordedOf(recorded.filter((row) => row.key === key)),
    })),
    total: { ...runTotalsOf(all.runs), ...usageSummaryOf(all.calls[0] ?? NO_SUMS), ...recordedOf(all.recorded) },
  };
}

function runsOfDays(key: string, where: string): string {
  return `
    SELECT ${key} AS key, bucket, sum(ended)::int AS ended, sum(failed)::int AS failed,
           sum(cancelled)::int AS cancelled, sum(busy_ms)::float8 AS busy_ms
      FROM perdure.run_stats
     WHERE ${where}
     GROUP BY 1, 2`;
}

function callsOfDays(key: string, where: string): string {
  return `SELECT ${key} AS key, ${SUMS_OF_DAYS} FROM perdure.usage_days WHERE calls > 0 AND ${where} GROUP BY 1`;
}

function shownKeys(by: Exclude<keyof typeof KEY, 'nothing'>, where: string): string {
  return `
    SELECT key
      FROM (SELECT ${KEY[by]} AS key, ended FROM perdure.run_stats WHERE ${where}
             UNION ALL
            SELECT ${KEY[by]}, 0 FROM perdure.usage_days WHERE calls > 0 AND ${where}
             UNION ALL
            SELECT ${KEY[by]}, 0 FROM perdure.recorded_days WHERE ${where}) k
     GROUP BY key
     ORDER BY ${by === 'day' ? '' : 'sum(ended) DESC,'} key DESC
     LIMIT ${MAX_STATS_ROWS}`;
}

function runTotalsOf(rows: readonly BucketRow[]): Omit<Stats, keyof UsageSummary | 'recorded'> {
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

/** Converts sums of model calls. They include calls of runs that have not ended. */
export function usageSummaryOf(sums: Omit<UsageSums, 'key' | 'failed_calls'>): UsageSummary {
  const knownUsage = {
    inputTokens: sums.input_tokens,
    outputTokens: sums.output_tokens,
    cachedTokens: sums.cached_tokens,
    reasoningTokens: sums.reasoning_tokens,
  };
  return {
    calls: sums.calls,
    usage: sums.unmetered_calls > 0 ? UNKNOWN_USAGE : knownUsage,
    knownUsage,
    unmeteredCalls: sums.unmetered_calls,
    ...costRecordOf(sums),
  };
}

/** Null when `whole` is 0. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Mean rounded to a millisecond; null when `count` is 0. */
export function mean(sumMs: number, count: number): number | null {
  return count === 0 ? null : Math.round(sumMs / count);
}
