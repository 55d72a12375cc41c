import type { Tx } from '../db/db.ts';

/** A user's memories, locked until the end of the transaction. */
export interface LockedMemories {
  readonly user: string;
  /** The number of this change. */
  readonly revision: number;
  /** Superseded ones too. */
  readonly memories: number;
}

/**
 * Locks a user's memories for a change. Revisions begin with the time, so that a user whose memories were all removed does not get
 * the same ones again: processes cache by them.
 */
export async function lockMemories(tx: Tx, user: string): Promise<LockedMemories> {
  const [row] = await tx.query<{ revision: number; memories: number }>(
    `INSERT INTO perdure.memory_users AS u (user_id, revision, memories) VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, 0)
         ON CONFLICT (user_id) DO UPDATE SET revision = u.revision + 1
     RETURNING revision::float8 AS revision, memories`,
    [user],
  );
  if (!row) throw new Error('An upsert returned no row.');
  return { user, ...row };
}

/** Adds to the number of a locked user's memories. */
export async function countMemories(tx: Tx, { user }: LockedMemories, more: number): Promise<void> {
  await tx.query(`UPDATE perdure.memory_users SET memories = memories + $2 WHERE user_id = $1`, [user, more]);
}
