import type { Db } from '../../db/db.ts';
import { countErased, type ErasureRef } from './erasures.ts';

/** For workers: workflows that tools of a user's sessions have started and that end with their sessions. */
export async function listUserWorkflows(db: Db, user: string): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT DISTINCT workflow_id AS id FROM perdure.children
      WHERE user_id = $1 AND on_session_end = 'cancel' AND ended_at IS NULL`,
    [user],
  );
  return rows.map(({ id }) => id);
}

/** For workers: deletes the record of a workflow that was cancelled, and counts it. */
export async function forgetUserWorkflow(db: Db, { id, user }: ErasureRef, workflowId: string): Promise<void> {
  await db.transaction(async (tx) => {
    const gone = await tx.query(`DELETE FROM perdure.children WHERE user_id = $1 AND workflow_id = $2 RETURNING 1`, [
      user,
      workflowId,
    ]);
    await countErased(tx, id, {
      'temporal.cancelledWorkflows': Math.min(1, gone.length),
      'rows.children': gone.length,
    });
  });
}

/** What providers are still to delete for an erasure. */
export async function countConversations(db: Db, erasureId: string): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM perdure.kept_conversations WHERE erasure_id = $1`,
    [erasureId],
  );
  return row?.rows ?? 0;
}
