import type { ListedRun, RunOrder, RunStatus } from '../../contracts/session/run.ts';
import type { Db } from '../db/db.ts';
import type { RunRow } from '../log/rows.ts';
import { isClaimed } from '../rows/row-claims.ts';
import { runRecordOf } from '../runs/records.ts';
import { childCount, countOf } from './list-runs.ts';

/** Which runs to list. Days are UTC, `YYYY-MM-DD`, both inclusive, of the run's admission; null is unbounded. */
export interface RunListing {
  readonly order: RunOrder;
  readonly status: RunStatus | null;
  readonly from: string | null;
  readonly to: string | null;
  /** The beginning or the end of the id; null for all. */
  readonly id: string | null;
  readonly limit: number;
}

const ORDER_BY: Readonly<Record<RunOrder, string>> = {
  newest: 'created_at DESC, run_id DESC',
  slowest: 'ended_at - created_at DESC NULLS LAST, run_id DESC',
  dearest: 'cost_nanos DESC NULLS LAST, run_id DESC',
};

type Row = Omit<RunRow, 'output' | 'object'> & { readonly user_id: string; readonly session_id: string };

interface ListedRow {
  readonly run: Row;
  readonly children: number;
  readonly parent: ListedRun['parent'] | null;
}

/** Lists runs across sessions, of one user or of all (null). Reads all their runs of the period: not for hot paths. */
export async function listRunsAcross(db: Db, user: string | null, listing: RunListing): Promise<ListedRun[]> {
  const { order, status, from, to, id, limit } = listing;
  const rows = await db.query<ListedRow>(
    `SELECT to_jsonb(r) - 'output' - 'object' AS run, ${childCount('r')} AS children,
            (SELECT json_build_object('sessionId', c.session_id, 'runId', c.run_id, 'callId', c.call_id)
               FROM perdure.child_runs c WHERE c.user_id = r.user_id AND c.child_id = r.run_id) AS parent
       FROM (SELECT * FROM perdure.runs o
              WHERE ($1::text IS NULL OR user_id = $1)
                AND ($2::text IS NULL OR status = $2)
                AND ($3::date IS NULL OR created_at >= $3::date::timestamp AT TIME ZONE 'UTC')
                AND ($4::date IS NULL OR created_at < ($4::date + 1)::timestamp AT TIME ZONE 'UTC')
                AND ($5::text IS NULL OR starts_with(run_id, $5) OR right(run_id, length($5)) = $5)
                AND NOT ${isClaimed('o')}
              ORDER BY ${ORDER_BY[order]}
              LIMIT $6) r`,
    [user, status, from, to, id, limit],
  );
  return rows.map(listedRunOf);
}

function listedRunOf({ run: row, children, parent }: ListedRow): ListedRun {
  const { output: _output, ...record } = runRecordOf({ ...row, output: null, object: null });
  const { createdAt, endedAt } = record;
  return {
    ...record,
    user: row.user_id,
    sessionId: row.session_id,
    totalMs: endedAt === null ? null : Date.parse(endedAt) - Date.parse(createdAt),
    ...countOf(children),
    ...(parent ? { parent } : {}),
  };
}
