import { cosine } from '../../core/memory/cosine.ts';
import type { Db } from '../../store/db/db.ts';
import { contentHash, saveEmbeddings } from '../../store/memory/embeddings.ts';
import { wordPrefix, wordsOf } from '../../store/memory/memory-rows.ts';
import { normals } from '../../test/core/memory/generated-vectors.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';

const CLUSTERS = 1_000;
const WORDS = 5_000;
const WORDS_OF_A_MEMORY = 12;
/** In most memories, as "the" is. */
const FREQUENT = ['the', 'is', 'of', 'my', 'in', 'to'];
const BATCH = 500;

export interface GeneratedMemories {
  readonly user: string;
  /** The text of a query: its first word determines its vector; the others are some of the memories'. */
  query(n: number): string;
  /** The ids of the memories with the nearest vectors, by an exact search. */
  nearest(vector: readonly number[], count: number): readonly string[];
}

/** Generates memories of one user, with the vectors of {@link vectorOfText}. Deterministic. */
export async function generateMemories(
  db: Db,
  user: string,
  count: number,
  space: string,
  dimensions: number,
  common = 0,
): Promise<GeneratedMemories> {
  // One array outside of the heap, which would otherwise be collected as that of no other process is.
  const vectors = new Float32Array(count * dimensions);
  const idOf = (index: number): string => `${user}-${index}`;
  await db.query(
    `INSERT INTO perdure.memory_users (user_id, revision, memories) VALUES ($1, 1, $2)
         ON CONFLICT (user_id) DO UPDATE SET memories = $2`,
    [user, count],
  );
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => {
      const name = idOf(from + index);
      const content = `${name} ${wordsFor(from + index).join(' ')}`;
      return { id: name, hash: contentHash(content), content, embedding: vectorOfText(name, dimensions, common) };
    });
    await db.query(
      `INSERT INTO perdure.memories (user_id, memory_id, content, content_hash, created_at, chain_id, words, revision)
       SELECT $1, id, content, decode(hash, 'hex'), now(), id,
              array_to_tsvector(ARRAY(SELECT ${wordPrefix('$1')} || word FROM ${wordsOf('content')} w)), 1
         FROM json_to_recordset($2::json) AS g(id text, hash text, content text)`,
      [user, JSON.stringify(batch.map(({ id, hash, content }) => ({ id, hash, content })))],
    );
    await db.query(
      `INSERT INTO perdure.memory_words AS t (user_id, word, memories)
       SELECT $1, w.word, count(*) FROM json_array_elements_text($2::json) c(content) CROSS JOIN LATERAL ${wordsOf('c.content')} w
        GROUP BY w.word
           ON CONFLICT (user_id, word) DO UPDATE SET memories = t.memories + EXCLUDED.memories`,
      [user, JSON.stringify(batch.map(({ content }) => content))],
    );
    await saveEmbeddings(db, user, space, batch);
    for (const [index, { embedding }] of batch.entries()) vectors.set(embedding, (from + index) * dimensions);
  }
  await db.query('ANALYZE perdure.memories');
  return {
    user,
    query: (n) => `query-${n} ${wordsFor(n * 7 + 3).join(' ')}`,
    nearest: (vector, most) =>
      Array.from({ length: count }, (_, index) => {
        const own = vectors.subarray(index * dimensions, (index + 1) * dimensions);
        return { id: idOf(index), similarity: cosine(vector, own) };
      })
        .toSorted((a, b) => b.similarity - a.similarity)
        .slice(0, most)
        .map(({ id }) => id),
  };
}

/** Words of a text, the first ones of the vocabulary more often. */
function wordsFor(seed: number): readonly string[] {
  const random = seededRandom(seed);
  const rare = Array.from({ length: WORDS_OF_A_MEMORY }, () => `word${Math.floor(WORDS * random() ** 2)}`);
  return [...rare, ...FREQUENT.filter(() => random() < 0.6)];
}

/** A vector near the centre of a cluster, determined by a text. `common`: about the share of its length that all vectors have in common. */
export function vectorOfText(text: string, dimensions: number, common = 0): readonly number[] {
  const seed = Number.parseInt(contentHash(text).slice(0, 8), 16);
  const [centre, own, all] = [normals(seed % CLUSTERS), normals(seed), normals(CLUSTERS)];
  const shared = Math.SQRT2 * common;
  const rest = Math.sqrt(1 - common ** 2);
  return Array.from({ length: dimensions }, () => rest * (centre() + own()) + shared * all());
}
