import type { Db } from '../../db/db.ts';

/** For workers: workflows that tools of a user's sessions have started and that end with their sessions. */
export async function listUserWorkflows(db: Db, user: string): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT DISTINCT workflow_id AS id FROM perdure.children
      WHERE user_id = $1 AND on_session_end = 'cancel' AND ended_at IS NULL`,
    [user],
  );
  return rows.map(({ id }) => id);
}

/** What providers are still to delete for an erasure. */
export async function countConversations(db: Db, erasureId: string): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM perdure.kept_conversations WHERE erasure_id = $1`,
    [erasureId],
  );
  return row?.rows ?? 0;
}
