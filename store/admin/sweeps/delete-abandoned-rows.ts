import { v7 as uuidv7 } from 'uuid';
import { sessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { lockSession } from '../../log/lock-session.ts';
import { deleteClaimedRows } from '../../rows/delete-rows.ts';
import { CLAIM_MS, claimRows } from '../../rows/row-claims.ts';

/**
 * For workers: deletes what processes that died have left of sessions that they were importing, restoring or deleting, so that
 * these can be created or restored again. Safe to repeat and to run concurrently. Returns how many there were, at most
 * `limit`.
 */
export async function deleteAbandonedRows(db: Db, { limit = 100 }: { readonly limit?: number } = {}): Promise<number> {
  const rows = await db.query<{ user_id: string; session_id: string }>(
    `SELECT user_id, session_id FROM perdure.row_claims
      WHERE renewed_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
      ORDER BY renewed_at LIMIT $2`,
    [CLAIM_MS, limit],
  );
  let deleted = 0;
  for (const { user_id, session_id } of rows) {
    const key = sessionKey(user_id, session_id);
    const holder = uuidv7();
    const claim = await db.transaction(async (tx) => {
      const session = await lockSession(tx, key);
      return session === null || session.row.status === 'archived' ? await claimRows(tx, key, holder) : null;
    });
    if (claim === null) continue;
    await deleteClaimedRows(db, key, holder);
    deleted += 1;
  }
  return deleted;
}
