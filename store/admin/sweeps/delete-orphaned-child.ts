import type { ChildLink } from '../../children/read-children.ts';
import type { Db } from '../../db/db.ts';
import { deleteSession } from '../../sessions/delete-session.ts';

/** For workers: deletes a child whose parent's session was deleted, and its link. Those below it are orphaned then. */
export async function deleteOrphanedChild(db: Db, { parent: { key }, childId }: ChildLink): Promise<void> {
  await deleteSession(db, { user: key.user, session: childId });
  await db.query(`DELETE FROM perdure.child_runs WHERE user_id = $1 AND child_id = $2 AND status = 'orphaned'`, [
    key.user,
    childId,
  ]);
}
