import { chooseWords, type WordCount } from '../../core/memory/choose-words.ts';
import type { Db } from '../db/db.ts';
import { wordPrefix, wordsOf } from './memory-rows.ts';

/** Maximum number of memories that a search by text visits. */
const MAX_VISITED = 1_000;

/**
 * Returns the ids of a user's current memories that contain words of the query, best first: those with more and rarer words of
 * it, then the newer ones.
 */
export async function searchText(db: Db, user: string, query: string, limit: number): Promise<string[]> {
  const counts = await db.query<WordCount & { total: number }>(
    `SELECT c.word, c.memories, u.memories AS total
       FROM ${wordsOf('$2')} w
       JOIN perdure.memory_words c ON c.user_id = $1 AND c.word = w.word
       JOIN perdure.memory_users u ON u.user_id = $1`,
    [user, query],
  );
  const words = chooseWords(counts, counts[0]?.total ?? 0, MAX_VISITED);
  if (words.length === 0) return [];
  // The index of words is the right one whatever the planner expects: an expression keeps it from those that begin with the user.
  const rows = await db.query<{ memory_id: string }>(
    `WITH words AS MATERIALIZED (
       SELECT ('''' || replace(replace(${wordPrefix('$1')} || word, '\\', '\\\\'), '''', '''''') || '''')::tsquery AS query, weight
         FROM json_to_recordset($2::json) AS g(word text, weight float8)),
     hits AS MATERIALIZED (
       SELECT m.memory_id, m.created_at, m.words FROM perdure.memories m
        WHERE m.user_id || '' = $1 AND m.superseded_by IS NULL
          AND m.words @@ (SELECT string_agg(query::text, ' | ')::tsquery FROM words)
        LIMIT $3)
     SELECT memory_id FROM hits h
      ORDER BY (SELECT sum(weight) FROM words w WHERE h.words @@ w.query) DESC, created_at DESC, memory_id DESC
      LIMIT $4`,
    [user, JSON.stringify(words), MAX_VISITED, limit],
  );
  return rows.map((row) => row.memory_id);
}
