import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';

/** A workflow that a tool has started. */
export interface AbandonedWorkflow {
  readonly key: SessionKey;
  readonly workflowId: string;
}

/** For workers: workflows of tools that are to be cancelled, because their sessions are not active any more. `only`: those of one session. */
export async function listAbandonedWorkflows(
  db: Db,
  limit: number,
  only: SessionKey | null = null,
): Promise<AbandonedWorkflow[]> {
  const rows = await db.query<{ user: string; session: string; workflowId: string }>(
    `SELECT c.user_id AS "user", c.session_id AS session, c.workflow_id AS "workflowId"
       FROM perdure.children c
       LEFT JOIN perdure.sessions s ON s.user_id = c.user_id AND s.session_id = c.session_id
      WHERE c.on_session_end = 'cancel' AND c.ended_at IS NULL AND s.status IS DISTINCT FROM 'active'
        AND ($2::text IS NULL OR (c.user_id = $2 AND c.session_id = $3))
      ORDER BY c.noted_at LIMIT $1`,
    [limit, only?.user ?? null, only?.session ?? null],
  );
  return rows.map(({ user, session, workflowId }) => ({ key: { user, session }, workflowId }));
}

/** For workers: records that the cancellation of a workflow was requested. */
export async function noteCancelledWorkflow(db: Db, { key, workflowId }: AbandonedWorkflow): Promise<void> {
  await db.query(
    `UPDATE perdure.children SET ended_at = clock_timestamp() WHERE user_id = $1 AND session_id = $2 AND workflow_id = $3`,
    [key.user, key.session, workflowId],
  );
}
