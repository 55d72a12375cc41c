import type { Db, Tx } from '../db/db.ts';
import { removeUnusedEmbeddings } from './embeddings.ts';
import { countMemories, lockMemories } from './lock-memories.ts';
import { removeWords } from './word-counts.ts';

/** Memories that one transaction removes when all of a user's are. */
const PAGE = 1_000;

/**
 * Removes a memory with everything that it corrects, or that corrects it, and the cached vectors that no other memory needs.
 * Returns how many were removed: 0 if the user has no such memory.
 */
export async function forget(db: Db, user: string, id: string): Promise<number> {
  return await db.transaction((tx) =>
    remove(tx, user, `chain_id = (SELECT chain_id FROM perdure.memories WHERE user_id = $1 AND memory_id = $2)`, id),
  );
}

/** Removes all memories of a user. Returns how many, superseded ones too. */
export async function forgetAll(db: Db, user: string): Promise<number> {
  let total = 0;
  for (;;) {
    const page = `memory_id IN (SELECT memory_id FROM perdure.memories WHERE user_id = $1 ORDER BY memory_id LIMIT $2)`;
    const removed = await db.transaction((tx) => remove(tx, user, page, PAGE));
    total += removed;
    if (removed < PAGE) break;
  }
  await db.query(`DELETE FROM perdure.memory_users WHERE user_id = $1 AND memories = 0`, [user]);
  return total;
}

/** `which`: a condition with the parameter `$2`. */
async function remove(tx: Tx, user: string, which: string, param: string | number): Promise<number> {
  const locked = await lockMemories(tx, user);
  const removed = await tx.query<{ content: string; hash: string; is_current: boolean }>(
    `DELETE FROM perdure.memories WHERE user_id = $1 AND ${which}
     RETURNING content, encode(content_hash, 'hex') AS hash, superseded_by IS NULL AS is_current`,
    [user, param],
  );
  await removeWords(
    tx,
    user,
    removed.filter((one) => one.is_current).map(({ content }) => content),
  );
  await removeUnusedEmbeddings(
    tx,
    removed.map(({ hash }) => hash),
  );
  await countMemories(tx, locked, -removed.length);
  return removed.length;
}
