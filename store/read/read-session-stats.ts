import type { Stats } from '../../contracts/stats.ts';
import { positionIn } from '../db/cursor.ts';
import type { Db } from '../db/db.ts';
import { cutPage } from '../db/page.ts';
import { RUN_END_COUNTERS } from '../log/run-stats.ts';
import { mean, ratio, usageSummaryOf, type StatsRange } from './stats-report.ts';
import { SUMS_OF_CALLS, type UsageSums } from './usage-report.ts';

interface SessionStatsRow extends Omit<UsageSums, 'failed_calls'> {
  readonly key: string;
  readonly last_active_at: string;
  readonly ended: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly timed: number;
  readonly busy_ms: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
}

const MS = `extract(epoch FROM r.ended_at - r.started_at)::float8 * 1000`;
/** Selects run ends, of which a resumed run has several, by their dedupe keys: a range of the index `events_once`. */
const IS_END = `e.dedupe >= 'end:' AND e.dedupe < 'end;'`;
const TIMED = `FILTER (WHERE r.started_at IS NOT NULL AND r.resumes = 0)`;

/** Reads run statistics and usage per session of a user, newest activity first, computed from the sessions' runs, run ends and model calls. Throws `invalid_request` for an invalid cursor. */
export async function readSessionStats(
  db: Db,
  user: string,
  { from, to, limit, cursor }: StatsRange & { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ data: (Stats & { key: string })[]; nextCursor: string | null }> {
  const [at, id] = cursor === undefined ? [null, null] : positionIn(cursor, ['time', 'string']);
  const rows = await db.query<SessionStatsRow>(
    `SELECT s.session_id AS key, s.last_active_at, e.*, r.*, c.*
       FROM (SELECT session_id, last_active_at FROM perdure.sessions
              WHERE user_id = $1 AND kind = 'session'
                AND ($4::timestamptz IS NULL OR (last_active_at, session_id) < ($4, $5))
              ORDER BY last_active_at DESC, session_id DESC LIMIT $6) s
      CROSS JOIN LATERAL
            (SELECT count(*)::int AS ended, count(*) FILTER (WHERE ${countedAs('failed')})::int AS failed,
                    count(*) FILTER (WHERE ${countedAs('cancelled')})::int AS cancelled
               FROM perdure.events e
              WHERE e.user_id = $1 AND e.session_id = s.session_id AND ${IS_END}
                AND e.at >= coalesce($2::date::timestamp AT TIME ZONE 'UTC', '-infinity')
                AND e.at < coalesce(($3::date + 1)::timestamp AT TIME ZONE 'UTC', 'infinity')) e
      CROSS JOIN LATERAL
            (SELECT count(*) ${TIMED}::int AS timed, coalesce(sum(${MS}) ${TIMED}, 0) AS busy_ms,
                    percentile_disc(0.5) WITHIN GROUP (ORDER BY ${MS}) ${TIMED} AS p50_ms,
                    percentile_disc(0.95) WITHIN GROUP (ORDER BY ${MS}) ${TIMED} AS p95_ms
               FROM perdure.runs r
              WHERE r.user_id = $1 AND r.session_id = s.session_id AND r.ended_at IS NOT NULL
                AND r.ended_at >= coalesce($2::date::timestamp AT TIME ZONE 'UTC', '-infinity')
                AND r.ended_at < coalesce(($3::date + 1)::timestamp AT TIME ZONE 'UTC', 'infinity')) r
      CROSS JOIN LATERAL
            (SELECT ${SUMS_OF_CALLS}
               FROM perdure.model_calls
              WHERE user_id = $1 AND session_id = s.session_id AND outcome <> 'running'
                AND day >= coalesce($2::date, '-infinity') AND day <= coalesce($3::date, 'infinity')) c
      ORDER BY s.last_active_at DESC, s.session_id DESC`,
    [user, from, to, at, id, limit + 1],
  );
  const { page, nextCursor } = cutPage(rows, limit, (last) => [last.last_active_at, last.key]);
  return { data: page.map(statsOf), nextCursor };
}

/** An SQL condition that selects the run ends that increment a counter. */
function countedAs(counter: 'failed' | 'cancelled'): string {
  const types = Object.entries(RUN_END_COUNTERS).filter(([, incremented]) => incremented === counter);
  return `e.type IN (${types.map(([type]) => `'${type}'`).join(', ')})`;
}

function statsOf(row: SessionStatsRow): Stats & { key: string } {
  return {
    key: row.key,
    requests: row.ended,
    errors: row.failed,
    cancelled: row.cancelled,
    errorRate: ratio(row.failed, row.ended),
    meanMs: mean(row.busy_ms, row.timed),
    p50Ms: row.p50_ms,
    p95Ms: row.p95_ms,
    ...usageSummaryOf(row),
  };
}
