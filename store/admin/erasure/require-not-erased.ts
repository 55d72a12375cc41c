import { erasureInProgress } from '../../db/store-failure.ts';
import type { Db } from '../../db/db.ts';

/** Throws `erasure_in_progress` while the data of the user is being erased. For what reaches the store by Temporal only: the store refuses all else itself. */
export async function requireNotErased(db: Db, user: string): Promise<void> {
  const found = await db.query(`SELECT 1 FROM perdure.erasures WHERE user_id = $1`, [user]);
  if (found.length > 0) throw erasureInProgress();
}
