import type { Stats } from '../../../contracts/stats.ts';
import { recordedCountsOf, type CountSums } from '../../../core/session/sum-counts.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import { cutPage } from '../../db/page.ts';
import { RUN_END_COUNTERS } from '../../log/run-stats.ts';
import { recordsOf } from './recorded-sums.ts';
import { mean, ratio, usageSummaryOf, type StatsRange } from './stats-report.ts';
import { IS_COUNTED, SUMS_OF_CALLS, type UsageSums } from './usage-report.ts';

interface SessionStatsRow extends Omit<UsageSums, 'failed_calls'> {
  readonly key: string;
  readonly user: string;
  readonly last_active_at: string;
  readonly ended: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly timed: number;
  readonly busy_ms: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly records: number;
  readonly recorded: Omit<CountSums, 'records'>;
}

const MS = `extract(epoch FROM r.ended_at - r.started_at)::float8 * 1000`;
/** The types of the parts of a cursor. */
const KINDS = { one: ['time', 'string'], all: ['time', 'string', 'string'] } as const;
/** Selects run ends, of which a resumed run has several, by their dedupe keys: a range of the index `events_once`. */
const IS_END = `e.dedupe >= 'end:' AND e.dedupe < 'end;'`;
const TIMED = `FILTER (WHERE r.started_at IS NOT NULL AND r.resumes = 0)`;

export interface SessionStatsRequest extends StatsRange {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SessionStatsPage {
  readonly data: (Stats & { readonly key: string; readonly user: string })[];
  readonly nextCursor: string | null;
}

/**
 * Reads run statistics and usage per session, newest activity first, computed from the sessions' runs, run ends and model
 * calls: of the user's sessions, of all users' with null. Throws `invalid_request` for an invalid cursor.
 */
export async function sessionStatsAcross(
  db: Db,
  owner: string | null,
  { from, to, limit, cursor }: SessionStatsRequest,
): Promise<SessionStatsPage> {
  // An index has the sessions of each user in this order, and another one those of all.
  const order = owner === null ? ['last_active_at', 'user_id', 'session_id'] : ['last_active_at', 'session_id'];
  const position =
    cursor === undefined ? order.map(() => null) : positionIn(cursor, KINDS[owner === null ? 'all' : 'one']);
  const before = `(${order.join(', ')}) < (${order.map((_, index) => `$${index + 5}`).join(', ')})`;
  const descending = (of = '') => order.map((column) => `${of}${column} DESC`).join(', ');
  const rows = await db.query<SessionStatsRow>(
    `SELECT s.session_id AS key, s.user_id AS user, s.last_active_at, e.*, r.*, c.*, n.*
       FROM (SELECT user_id, session_id, last_active_at, recorded IS NOT NULL AS has_records FROM perdure.sessions
              WHERE ${owner === null ? '$1::text IS NULL' : 'user_id = $1'} AND kind = 'session'
                AND ($5::timestamptz IS NULL OR ${before})
              ORDER BY ${descending()} LIMIT $4) s
      CROSS JOIN LATERAL
            (SELECT count(*)::int AS ended, count(*) FILTER (WHERE ${countedAs('failed')})::int AS failed,
                    count(*) FILTER (WHERE ${countedAs('cancelled')})::int AS cancelled
               FROM perdure.events e
              WHERE e.user_id = s.user_id AND e.session_id = s.session_id AND ${IS_END}
                AND e.at >= coalesce($2::date::timestamp AT TIME ZONE 'UTC', '-infinity')
                AND e.at < coalesce(($3::date + 1)::timestamp AT TIME ZONE 'UTC', 'infinity')) e
      CROSS JOIN LATERAL
            (SELECT count(*) ${TIMED}::int AS timed, coalesce(sum(${MS}) ${TIMED}, 0) AS busy_ms,
                    percentile_disc(0.5) WITHIN GROUP (ORDER BY ${MS}) ${TIMED} AS p50_ms,
                    percentile_disc(0.95) WITHIN GROUP (ORDER BY ${MS}) ${TIMED} AS p95_ms
               FROM perdure.runs r
              WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND r.ended_at IS NOT NULL
                AND r.ended_at >= coalesce($2::date::timestamp AT TIME ZONE 'UTC', '-infinity')
                AND r.ended_at < coalesce(($3::date + 1)::timestamp AT TIME ZONE 'UTC', 'infinity')) r
      CROSS JOIN LATERAL
            (SELECT ${SUMS_OF_CALLS}
               FROM perdure.model_calls
              WHERE user_id = s.user_id AND session_id = s.session_id AND ${IS_COUNTED}
                AND day >= coalesce($2::date, '-infinity') AND day <= coalesce($3::date, 'infinity')) c
      CROSS JOIN LATERAL (${recordsOf('s', '$2', '$3')}) n
      ORDER BY ${descending('s.')}`,
    [owner, from, to, limit + 1, ...position],
  );
  const { page, nextCursor } = cutPage(rows, limit, (last) =>
    owner === null ? [last.last_active_at, last.user, last.key] : [last.last_active_at, last.key],
  );
  return { data: page.map(statsOf), nextCursor };
}

/** An SQL condition that selects the run ends that increment a counter. */
function countedAs(counter: 'failed' | 'cancelled'): string {
  const types = Object.entries(RUN_END_COUNTERS).filter(([, incremented]) => incremented === counter);
  return `e.type IN (${types.map(([type]) => `'${type}'`).join(', ')})`;
}

function statsOf(row: SessionStatsRow): SessionStatsPage['data'][number] {
  return {
    key: row.key,
    user: row.user,
    requests: row.ended,
    errors: row.failed,
    cancelled: row.cancelled,
    errorRate: ratio(row.failed, row.ended),
    meanMs: mean(row.busy_ms, row.timed),
    p50Ms: row.p50_ms,
    p95Ms: row.p95_ms,
    ...usageSummaryOf(row),
    ...(row.records === 0 ? {} : { recorded: recordedCountsOf(row.recorded) }),
  };
}
