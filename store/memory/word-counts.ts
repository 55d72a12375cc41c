import type { Tx } from '../db/db.ts';
import { wordsOf } from './memory-rows.ts';

/** Adds the words of a new current memory to the user's. The user's memories must be locked. */
export async function addWords(tx: Tx, user: string, content: string): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.memory_words AS t (user_id, word, memories)
     SELECT $1, word, 1 FROM ${wordsOf('$2')} w
         ON CONFLICT (user_id, word) DO UPDATE SET memories = t.memories + 1`,
    [user, content],
  );
}

/** Takes the words of memories that are no longer current from the user's. The user's memories must be locked. */
export async function removeWords(tx: Tx, user: string, contents: readonly string[]): Promise<void> {
  if (contents.length === 0) return;
  await tx.query(
    `UPDATE perdure.memory_words t SET memories = t.memories - w.memories
       FROM (SELECT w.word, count(*)::int AS memories
               FROM json_array_elements_text($2::json) c(content) CROSS JOIN LATERAL ${wordsOf('c.content')} w
              GROUP BY w.word) w
      WHERE t.user_id = $1 AND t.word = w.word`,
    [user, JSON.stringify(contents)],
  );
  await tx.query(
    `DELETE FROM perdure.memory_words t
      WHERE user_id = $1 AND memories <= 0
        AND word IN (SELECT w.word FROM json_array_elements_text($2::json) c(content) CROSS JOIN LATERAL ${wordsOf('c.content')} w)`,
    [user, JSON.stringify(contents)],
  );
}
