import type { RecordedChild } from '../../contracts/session/children.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';

/**
 * Notes a workflow that is about to be started, before it is, so that none is started that nobody knows of. Noted
 * again, it is one that may run. `noted` is false when as many as may be are not known to be over: `open` are those.
 * Throws `not_found`.
 */
export async function recordChild(
  db: Db,
  key: SessionKey,
  child: RecordedChild,
): Promise<{ readonly noted: boolean; readonly open: readonly string[] }> {
  return await db.transaction(async (tx) => {
    const { at } = await lockExistingSession(tx, key);
    const rows = await tx.query<{ workflow_id: string }>(
      `SELECT workflow_id FROM perdure.children
        WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL AND workflow_id <> $3`,
      [key.user, key.session, child.workflowId],
    );
    const open = rows.map(({ workflow_id }) => workflow_id);
    if (open.length >= LIMITS.childWorkflows.value) return { noted: false, open };
    await tx.query(
      `INSERT INTO perdure.children AS c (user_id, session_id, workflow_id, type, task_queue, run_id, tool, noted_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (user_id, session_id, workflow_id) DO UPDATE
          SET noted_at = EXCLUDED.noted_at, ended_at = NULL`,
      [key.user, key.session, child.workflowId, child.type, child.taskQueue, child.runId, child.tool, at],
    );
    return { noted: true, open };
  });
}

/** What Temporal said of workflows that were noted. */
export interface EndedChildren {
  readonly over: readonly string[];
  /** There is none of the id: its start has failed, or is on its way; or it was over long ago. */
  readonly absent: readonly string[];
}

/** Spares asking Temporal about these again. One that is absent may still be started for an hour. */
export async function recordEndedChildren(db: Db, key: SessionKey, { over, absent }: EndedChildren): Promise<void> {
  if (over.length === 0 && absent.length === 0) return;
  await db.query(
    `UPDATE perdure.children SET ended_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL
        AND (workflow_id IN (SELECT json_array_elements_text($3::json))
             OR (workflow_id IN (SELECT json_array_elements_text($4::json))
                 AND noted_at < clock_timestamp() - interval '1 hour'))`,
    [key.user, key.session, JSON.stringify(over), JSON.stringify(absent)],
  );
}
