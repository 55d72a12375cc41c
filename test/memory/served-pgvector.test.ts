import { expect, test } from 'vitest';
import { cosine } from '../../core/memory/cosine.ts';
import { createMemories } from '../../memory/create-memories.ts';
import type { Db } from '../../store/db/db.ts';
import { openTestDatabase } from '../support/store/databases.ts';
import { seededRandom } from '../support/seeded-random.ts';

const DIMENSIONS = 16;
const QUERY = 'What is nearest?';

/** An embedder of random vectors, one for each text. */
function randomEmbedder() {
  const random = seededRandom(1);
  const vectors = new Map<string, readonly number[]>();
  const vectorOf = (text: string): readonly number[] => {
    const vector = vectors.get(text) ?? Array.from({ length: DIMENSIONS }, () => random() - 0.5);
    vectors.set(text, vector);
    return vector;
  };
  return { vectorOf, embedder: { space: 'random/16', embed: async (texts: readonly string[]) => texts.map(vectorOf) } };
}

test('a served PostgreSQL is searched with pgvector exactly if it has the extension, and finds what processes without it have saved', async () => {
  const database = await openTestDatabase('postgres');
  try {
    const { db } = database;
    const [extension] = await db.query(`SELECT FROM pg_available_extensions WHERE name = 'vector'`);
    const hasExtension = extension !== undefined;
    if (!hasExtension) console.log('The PostgreSQL of this machine has no extension "vector": searched without it.');
    const { embedder, vectorOf } = randomEmbedder();
    const [plain, extended] = [false, true].map((pgvector) => createMemories({ db, embedder, pgvector }));
    const contents = Array.from({ length: 300 }, (_, index) => `memory number ${index}`);
    for (const [index, content] of contents.entries())
      await (index % 2 === 0 ? plain : extended)?.remember('ada', { content });
    const found = await extended?.search('ada', QUERY, { limit: 5 });
    const nearest = contents
      .map((content) => ({ content, similarity: cosine(vectorOf(QUERY), vectorOf(content)) }))
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, 5);
    expect(found?.search.mode).toBe('hybrid');
    expect(found?.data.map(({ content }) => content)).toEqual(nearest.map(({ content }) => content));
    expect(await countVectors(db)).toBe(hasExtension ? 300 : null);
    await extended?.forgetAll('ada');
    expect(await countVectors(db)).toBe(hasExtension ? 0 : null);
  } finally {
    await database.close();
  }
}, 60_000);

/** Number of vectors in the table of pgvector; null without the table. */
async function countVectors(db: Db): Promise<number | null> {
  const [table] = await db.query<{ name: string | null }>(`SELECT to_regclass('perdure.memory_vectors')::text AS name`);
  if (!table?.name) return null;
  const [counted] = await db.query<{ count: number }>('SELECT count(*)::int AS count FROM perdure.memory_vectors');
  return counted?.count ?? 0;
}
