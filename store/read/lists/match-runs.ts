import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { boundedRead } from './bounded-read.ts';
import { newConditions } from './conditions.ts';
import { addRunConditions, isByWait, type RunSelection } from './run-conditions.ts';
import { waitOf } from './run-wait.ts';

/** Counts the runs of a user, or of all (null), that match, at most `most`. Throws `too_large` when that takes too long. */
export async function countRuns(db: Db, user: string | null, selection: RunSelection, most: number): Promise<number> {
  return await boundedRead(db, async (tx, now) => {
    const { sql, params, param, from } = matching(selection, now);
    const owner = param(user);
    sql.push(`(${owner}::text IS NULL OR r.user_id = ${owner})`);
    const found = `SELECT 1 FROM ${from} WHERE ${sql.join(' AND ')} LIMIT ${param(most)}`;
    const [row] = await tx.query<{ count: number }>(`SELECT count(*)::integer AS count FROM (${found}) m`, params);
    return row?.count ?? 0;
  });
}

/** Whether one run matches. `at`: the time from which ages count, ISO 8601. */
export async function matchesRun(
  db: Db,
  key: SessionKey,
  runId: string,
  selection: RunSelection,
  at: string,
): Promise<boolean> {
  const { sql, params, param, from } = matching(selection, at);
  sql.push(`r.user_id = ${param(key.user)}`, `r.session_id = ${param(key.session)}`, `r.run_id = ${param(runId)}`);
  return (await db.query(`SELECT 1 FROM ${from} WHERE ${sql.join(' AND ')}`, params)).length > 0;
}

function matching(selection: RunSelection, at: string) {
  const conditions = newConditions();
  addRunConditions(conditions, selection, `${conditions.param(at)}::timestamptz`);
  return { ...conditions, from: `perdure.runs r ${isByWait(selection) ? `CROSS JOIN LATERAL ${waitOf('r')} w` : ''}` };
}
