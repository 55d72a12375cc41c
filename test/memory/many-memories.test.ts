import { beforeAll, expect, test } from 'vitest';
import { generateMemories, vectorOfText, type GeneratedMemories } from '../../bench/memories/generated-memories.ts';
import { createMemories } from '../../memory/create-memories.ts';
import type { Db } from '../../store/db/db.ts';
import { openPgvector } from '../../store/memory/pgvector.ts';
import { formerCode } from '../core/memory/former-code.ts';
import { DATABASES, describeStores } from '../support/store/databases.ts';
import { explaining } from '../support/store/explaining.ts';

const SPACE = 'generated/64';
const DIMENSIONS = 64;
/** More than pgvector compares one by one. */
const MANY = 5_100;
/** What all vectors have in common, as a share of their length. */
const COMMON = 0.9;
const FOUND = 5;
const VECTORS_OF_PGVECTOR = 'memory_vectors';

const embedder = {
  space: SPACE,
  embed: async (texts: readonly string[]) => texts.map((text) => vectorOfText(text, DIMENSIONS, COMMON)),
};

/** A store that records the statements of searches. */
function recording(db: Db): Db & { readonly statements: string[] } {
  const statements: string[] = [];
  return {
    ...db,
    statements,
    query: async (sql, params) => {
      statements.push(sql);
      return await db.query(sql, params);
    },
  };
}

describeStores(DATABASES, (db) => {
  let many: GeneratedMemories;
  let few: GeneratedMemories;
  beforeAll(async () => {
    many = await generateMemories(db(), 'has-many', MANY, SPACE, DIMENSIONS, COMMON);
    few = await generateMemories(db(), 'has-few', 10, SPACE, DIMENSIONS, COMMON);
  }, 120_000);

  test('among many memories whose vectors have much in common, 95 % of the five nearest are found, with pgvector and without it, and none of another user', async () => {
    const found = await Promise.all(
      [true, false].map(async (pgvector) => {
        const memories = createMemories({ db: db(), embedder, pgvector });
        const texts = Array.from({ length: 20 }, (_, n) => `unknown-${n}`);
        let hits = 0;
        for (const text of texts) {
          const { data } = await memories.search(many.user, text, { limit: FOUND });
          expect(data.map(({ id }) => id.startsWith(`${many.user}-`))).toEqual(
            Array.from({ length: FOUND }, () => true),
          );
          const nearest = new Set(many.nearest(vectorOfText(text, DIMENSIONS, COMMON), FOUND));
          hits += data.filter(({ id }) => nearest.has(id)).length;
        }
        return hits / (texts.length * FOUND);
      }),
    );

    expect(Math.min(...found)).toBeGreaterThanOrEqual(0.95);
  });

  test('the vectors of a user with few memories are compared by pgvector where the store has it, those of one with many are not', async () => {
    const store = recording(db());
    const memories = createMemories({ db: store, embedder });
    const hasPgvector = (await openPgvector(db())) !== null;
    const searched = async (user: string): Promise<boolean> => {
      store.statements.length = 0;
      await memories.search(user, 'unknown');
      return store.statements.some((sql) => sql.includes(`FROM perdure.${VECTORS_OF_PGVECTOR} v\n          WHERE`));
    };

    expect(await searched(few.user)).toBe(hasPgvector);
    expect(await searched(many.user)).toBe(false);
  });

  test('a search with pgvector visits the memories of its user only', async () => {
    const pgvector = await openPgvector(db());
    if (pgvector === null) return console.log('The PostgreSQL of this machine has no extension "vector".');
    await db().query(`ANALYZE perdure.${VECTORS_OF_PGVECTOR}`);
    const store = explaining(db());
    const explained = await openPgvector({
      ...store,
      query: (sql, params) => (params?.length === 5 ? store : db()).query(sql, params),
      transaction: (work) => db().transaction(work),
    });
    await explained?.search(few.user, SPACE, vectorOfText('unknown', DIMENSIONS, COMMON), FOUND);

    expect(store.plans.join('\n')).toMatch(/Index Cond: \(?\(?user_id = /);
    expect(store.plans.join('\n')).not.toContain('Seq Scan');
  });

  test('memories that are added and forgotten between searches are found and not found', async () => {
    const [one, other] = [createMemories({ db: db(), embedder }), createMemories({ db: db(), embedder })];
    const sought = `A new one ${db().kind}`;
    await one.search(many.user, sought);
    const { memory } = await other.remember(many.user, { content: sought });
    const [found] = (await one.search(many.user, sought, { limit: FOUND })).data;
    expect(found).toMatchObject({ id: memory.id, by: ['text', 'vector'] });

    await other.forget(many.user, memory.id);
    const { data } = await one.search(many.user, sought, { limit: 50 });
    expect(data.map(({ id }) => id)).not.toContain(memory.id);
  });

  test('searches that begin at the same time read the codes once', async () => {
    const store = recording(db());
    const memories = createMemories({ db: store, embedder });

    await Promise.all(Array.from({ length: 8 }, (_, n) => memories.search(many.user, `unknown-${n}`)));

    expect(store.statements.filter((sql) => sql.includes('int8send'))).toHaveLength(1);
  });

  test('a memory with a code of the former encoding is found by its vector', async () => {
    const id = `${many.user}-77`;
    const former = Buffer.from(formerCode(vectorOfText(id, DIMENSIONS, COMMON))).toString('hex');
    await db().query(`UPDATE perdure.memories SET code = decode($3, 'hex') WHERE user_id = $1 AND memory_id = $2`, [
      many.user,
      id,
      former,
    ]);
    const memories = createMemories({
      db: db(),
      embedder: { ...embedder, embed: async () => [vectorOfText(id, DIMENSIONS, COMMON)] },
    });
    const { data } = await memories.search(many.user, 'unknown', { limit: 1 });

    expect(data).toMatchObject([{ id, by: ['vector'] }]);
  });
});
