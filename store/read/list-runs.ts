import type { RunRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { positionIn } from '../db/cursor.ts';
import type { Db } from '../db/db.ts';
import { cutPage, pageSize } from '../db/page.ts';
import { runRecordOf } from '../runs/records.ts';
import type { RunRow } from '../log/rows.ts';

const RUNS_PER_PAGE = 200;

export interface RunPage {
  readonly data: RunRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** SQL: how many runs the calls of a run have made. */
export const childCount = (run: string): string =>
  `(SELECT count(*)::int FROM perdure.child_runs c
     WHERE c.user_id = ${run}.user_id AND c.session_id = ${run}.session_id AND c.run_id = ${run}.run_id)`;

export function countOf(children: number): Pick<RunRecord, 'childRuns'> {
  return children === 0 ? {} : { childRuns: children };
}

/** Lists a session's runs by descending ordinal, at most 200 per page. Throws `invalid_request` for an invalid cursor. */
export async function listRuns(
  db: Db,
  key: SessionKey,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RunPage> {
  const limit = pageSize(page.limit, RUNS_PER_PAGE);
  const [before] = page.cursor === undefined ? [null] : positionIn(page.cursor, ['number']);
  const rows = await db.query<{ run: RunRow; children: number }>(
    `SELECT to_json(r) AS run, ${childCount('r')} AS children FROM perdure.runs r
      WHERE r.user_id = $1 AND r.session_id = $2 AND ($3::integer IS NULL OR r.ordinal < $3)
      ORDER BY r.ordinal DESC
      LIMIT $4`,
    [key.user, key.session, before, limit + 1],
  );
  const { page: runs, nextCursor } = cutPage(rows, limit, ({ run }) => [run.ordinal]);
  return { data: runs.map(({ run, children }) => ({ ...runRecordOf(run), ...countOf(children) })), nextCursor };
}
