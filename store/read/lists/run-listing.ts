import type { ListedRun, ListedRuns, RunOrder } from '../../../contracts/session/run.ts';
import type { RunWait } from '../../../contracts/session/run-wait.ts';
import { isOpen } from '../../../core/session/open-status.ts';
import type { Db } from '../../db/db.ts';
import type { RunRow } from '../../log/rows.ts';
import { runRecordOf } from '../../runs/records.ts';
import { childCount, countOf } from '../list-runs.ts';
import { boundedRead } from './bounded-read.ts';
import { newConditions } from './conditions.ts';
import { addRunConditions, ENDED, isByWait, OPEN, type RunSelection } from './run-conditions.ts';
import { ORDERINGS, runCursorOf, runPositionIn, type RunPosition } from './run-order.ts';
import { waitOf } from './run-wait.ts';

/** Which runs to list, and in which order. */
export interface RunListing extends RunSelection {
  readonly order: RunOrder;
  readonly limit: number;
  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
  /** The time from which ages count, ISO 8601. Default: now, on the first page. */
  readonly at?: string | undefined;
}

type Row = Omit<RunRow, 'output' | 'object'> & { readonly user_id: string; readonly session_id: string };

interface ListedRow {
  readonly run: Row;
  readonly children: number;
  readonly parent: ListedRun['parent'] | null;
  /** What it is ordered by. */
  readonly value: string;
  /** Null if it has ended. */
  readonly what: RunWait | null;
  readonly since: string | null;
}

/**
 * Lists runs across sessions, of one user or of all (null). Those that have ended are read by the indexes `runs_ended…` and
 * `runs_failed`; a filter that these do not have, and an order other than `newest`, reads all of the period. Throws
 * `invalid_request` for an invalid cursor, `too_large` when that takes too long.
 */
export async function listRunsAcross(db: Db, user: string | null, listing: RunListing): Promise<Required<ListedRuns>> {
  const { order, limit, cursor } = listing;
  const position = cursor === undefined ? null : runPositionIn(order, cursor);
  return await boundedRead(db, async (tx, now) => {
    const at = position?.at ?? listing.at ?? now;
    const { sql, params } = selectRuns(user, listing, position, at);
    const rows = await tx.query<ListedRow>(sql, params);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { data: rows.slice(0, limit).map(listedRunOf), nextCursor: last ? cursorAfter(last, order, at) : null };
  });
}

function selectRuns(
  user: string | null,
  listing: RunListing,
  position: RunPosition | null,
  at: string,
): { sql: string; params: readonly unknown[] } {
  const { order, status, limit } = listing;
  const { value, type, ascending } = ORDERINGS[order];
  const conditions = newConditions();
  const { sql, params, param } = conditions;
  const now = `${param(at)}::timestamptz`;
  addRunConditions(conditions, listing, now);
  const owner = param(user);
  sql.push(`(${owner}::text IS NULL OR r.user_id = ${owner})`);
  const ordered = value(now);
  if (position !== null) {
    const { runId, session } = position;
    sql.push(
      `(${ordered}, r.run_id, r.user_id, r.session_id) ${ascending ? '>' : '<'}
       (${param(position.value)}::${type}, ${param(runId)}, ${param(position.user)}, ${param(session)})`,
    );
  }
  const byWait = isByWait(listing) || order === 'waiting';
  const direction = ascending ? 'ASC' : 'DESC';
  const lines = param(limit + 1);
  // Each by an index of its own.
  const branch = (statuses: string, isOpenOnes: boolean): string =>
    `(SELECT r.user_id, r.session_id, r.run_id, ${ordered} AS value ${isOpenOnes && byWait ? ', w.what, w.since' : ', NULL::text AS what, NULL::timestamptz AS since'}
        FROM perdure.runs r ${isOpenOnes && byWait ? `CROSS JOIN LATERAL ${waitOf('r')} w` : ''}
       WHERE r.status IN ${statuses} AND ${sql.join(' AND ')}
       ORDER BY value ${direction}, r.run_id ${direction}, r.user_id ${direction}, r.session_id ${direction}
       LIMIT ${lines})`;
  const mayBeOpen = listing.errorCode === undefined && (status === undefined || status === 'open' || isOpen(status));
  const mayHaveEnded = !byWait && (status === undefined || !(status === 'open' || isOpen(status)));
  const branches = [...(mayBeOpen ? [branch(OPEN, true)] : []), ...(mayHaveEnded ? [branch(ENDED, false)] : [])];
  if (branches.length === 0) return { sql: 'SELECT 1 WHERE false', params: [] };
  const keysOf = (of: string): string =>
    ['value', 'run_id', 'user_id', 'session_id'].map((key) => `${of}.${key} ${direction}`).join(', ');
  return {
    // Only the keys are sorted: runs are wide.
    sql: `SELECT to_jsonb(r) - 'output' - 'object' AS run, l.value::text AS value, ${childCount('r')} AS children,
                 (SELECT json_build_object('sessionId', c.session_id, 'runId', c.run_id, 'callId', c.call_id)
                    FROM perdure.child_runs c WHERE c.user_id = r.user_id AND c.child_id = r.run_id) AS parent,
                 coalesce(l.what, w.what) AS what, coalesce(l.since, w.since) AS since
            FROM (SELECT * FROM (${branches.join(' UNION ALL ')}) b ORDER BY ${keysOf('b')} LIMIT ${lines}) l
            JOIN perdure.runs r ON r.user_id = l.user_id AND r.session_id = l.session_id AND r.run_id = l.run_id
            LEFT JOIN LATERAL ${waitOf('r')} w ON l.what IS NULL AND r.status IN ${OPEN}
           ORDER BY ${keysOf('l')}`,
    params,
  };
}

function cursorAfter({ run, value }: ListedRow, order: RunOrder, at: string): string {
  const position = ORDERINGS[order].type === 'bigint' ? value : new Date(value).toISOString();
  return runCursorOf(order, { at, value: position, runId: run.run_id, user: run.user_id, session: run.session_id });
}

function listedRunOf({ run: row, children, parent, what, since }: ListedRow): ListedRun {
  const { output: _output, ...record } = runRecordOf({ ...row, output: null, object: null });
  const { createdAt, endedAt } = record;
  return {
    ...record,
    user: row.user_id,
    sessionId: row.session_id,
    totalMs: endedAt === null ? null : Date.parse(endedAt) - Date.parse(createdAt),
    waitingFor: what === null || since === null ? null : { what, since: new Date(since).toISOString() },
    ...countOf(children),
    ...(parent ? { parent } : {}),
  };
}
