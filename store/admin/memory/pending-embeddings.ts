import type { Db } from '../../db/db.ts';

/** A memory without a vector of the deployment's model. */
export interface PendingMemory {
  readonly user: string;
  readonly id: string;
  readonly content: string;
}

/** For workers: returns memories of all users that have no vector of the model, in the order of users. */
export async function readPendingMemories(
  db: Db,
  model: string,
  after: Pick<PendingMemory, 'user' | 'id'> | null,
  limit: number,
): Promise<readonly PendingMemory[]> {
  return await db.query<PendingMemory>(
    `SELECT user_id AS user, memory_id AS id, content FROM perdure.memories
      WHERE superseded_by IS NULL AND (embedding_model IS NULL OR embedding_model < $1 OR embedding_model > $1)
        AND (user_id, memory_id) > ($2, $3)
      ORDER BY user_id, memory_id LIMIT $4`,
    [model, after?.user ?? '', after?.id ?? '', limit],
  );
}
