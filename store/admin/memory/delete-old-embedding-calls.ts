import { LIMITS } from '../../../contracts/limits.ts';
import type { Db } from '../../db/db.ts';

/** For workers: deletes old records of requests for vectors that belong to no session; those of sessions go with them. Usage keeps the sums. */
export async function deleteOldEmbeddingCalls(
  db: Db,
  { limit = 1_000 }: { readonly limit?: number } = {},
): Promise<number> {
  const deleted = await db.query(
    `DELETE FROM perdure.embedding_calls WHERE call_id IN (
       SELECT call_id FROM perdure.embedding_calls c
        WHERE made_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
          AND NOT EXISTS (SELECT FROM perdure.sessions s WHERE s.user_id = c.user_id AND s.session_id = c.session_id)
        ORDER BY made_at LIMIT $2) RETURNING 1`,
    [LIMITS.embeddingCallMs.value, limit],
  );
  return deleted.length;
}
