import type { Db } from '../../db/db.ts';
import { removeUnusedEmbeddings } from '../../memory/embeddings.ts';
import { countErased, type ErasureRef } from './erasures.ts';

/** Memories that one transaction deletes at most. */
const MEMORIES_PER_PIECE = 500;

/** Deletes the memories of a user, and the cached vectors that no memory of another user needs. */
export async function eraseMemories(db: Db, { id, user }: ErasureRef, signal: AbortSignal): Promise<void> {
  for (let piece = MEMORIES_PER_PIECE; piece === MEMORIES_PER_PIECE;) {
    signal.throwIfAborted();
    piece = await db.transaction(async (tx) => {
      const rows = await tx.query<{ hash: string }>(
        `DELETE FROM perdure.memories
          WHERE user_id = $1 AND memory_id IN
                (SELECT memory_id FROM perdure.memories WHERE user_id = $1 ORDER BY memory_id LIMIT $2)
         RETURNING encode(content_hash, 'hex') AS hash`,
        [user, MEMORIES_PER_PIECE],
      );
      await removeUnusedEmbeddings(
        tx,
        rows.map(({ hash }) => hash),
      );
      await countErased(tx, id, { 'rows.memories': rows.length });
      return rows.length;
    });
  }
}
