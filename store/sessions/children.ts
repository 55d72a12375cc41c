import type { OnSessionEnd, RecordedChild } from '../../contracts/session/children.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';

/**
 * Records a workflow before a tool starts it, so that no started workflow is missing from the records. Recording it
 * again marks it as open again. `open` lists the session's other open children; with `LIMITS.childWorkflows` of them
 * nothing is recorded and `recorded` is false. Throws `not_found`.
 */
export async function recordChild(
  db: Db,
  key: SessionKey,
  child: RecordedChild & { readonly onSessionEnd?: OnSessionEnd },
): Promise<{ readonly recorded: boolean; readonly open: readonly string[] }> {
  return await db.transaction(async (tx) => {
    const { at } = await lockExistingSession(tx, key);
    const rows = await tx.query<{ workflow_id: string }>(
      `SELECT workflow_id FROM perdure.children
        WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL AND workflow_id <> $3`,
      [key.user, key.session, child.workflowId],
    );
    const open = rows.map(({ workflow_id }) => workflow_id);
    if (open.length >= LIMITS.childWorkflows.value) return { recorded: false, open };
    await tx.query(
      `INSERT INTO perdure.children AS c (user_id, session_id, workflow_id, type, task_queue, run_id, tool, noted_at, on_session_end)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (user_id, session_id, workflow_id) DO UPDATE
          SET noted_at = EXCLUDED.noted_at, ended_at = NULL`,
      [
        key.user,
        key.session,
        child.workflowId,
        child.type,
        child.taskQueue,
        child.runId,
        child.tool,
        at,
        child.onSessionEnd === 'cancel' ? 'cancel' : null,
      ],
    );
    return { recorded: true, open };
  });
}

/** Workflow ids of recorded children that Temporal does not report as running. */
export interface EndedChildren {
  readonly over: readonly string[];
  /** Unknown to Temporal: not started yet, failed to start, or past the namespace's retention. */
  readonly absent: readonly string[];
}

/** Marks children as ended, so that Temporal is not queried for them again. An absent one may still start and is marked only an hour after it was recorded. */
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
