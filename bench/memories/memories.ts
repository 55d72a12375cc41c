import { createMemories, type Memories } from '../../memory/create-memories.ts';
import type { Embedder } from '../../models/embedder.ts';
import { atLeast, atMost, type Benchmark, type BenchmarkRow } from '../benchmark.ts';
import { recallOfCodes } from './recall-of-codes.ts';
import { generateMemories, vectorOfText, type GeneratedMemories } from './generated-memories.ts';
import { percentile } from '../statistics.ts';

const SPACE = 'bench/generated';
const DIMENSIONS = 256;
const FOUND = 5;

/** Computes the vectors from the texts: the time of an endpoint is not measured. */
const embedder: Embedder = {
  space: SPACE,
  embed: async (texts) => texts.map((text) => vectorOfText(text, DIMENSIONS)),
};

/** Time of a search for memories, and what it misses. */
export const memories: Benchmark = {
  name: 'memories',
  describe:
    'A search among 100,000 generated memories of one user, with vectors of 256 dimensions in 1,000 clusters, beside 10,000 of another user, and the five best. `first` is the first search of a process, which reads the codes of the vectors; the others have other queries. recall@5 is the share of the five nearest vectors that are found, against an exact search. `codes`: the share that the codes alone select, for as many vectors of other kinds, of whose length a part is common to all. The time of the embedding endpoint is left out.',
  async run(world) {
    const others = await generateMemories(world.db, 'memory-other', world.size(10_000, 200), SPACE, DIMENSIONS);
    const given = await generateMemories(world.db, 'memory-user', world.size(100_000, 2_000), SPACE, DIMENSIONS);
    const queries = Array.from({ length: world.size(200, 10) }, (_, n) => given.query(n));
    const hybrid = createMemories({ db: world.db, embedder });
    const textOnly = createMemories({ db: world.db });
    // The first search also opens pgvector and copies the vectors, which is done once in the life of a store.
    await hybrid.search(others.user, queries[0] ?? '');
    const rows: BenchmarkRow[] = [
      await measure('full text and vectors', hybrid, given, queries),
      await measure('full text alone', textOnly, given, queries),
    ];
    const recall = await recallOf(hybrid, given, queries.slice(0, world.size(100, 5)));
    const codes = recallOfCodes(world.size(100_000, 2_000), DIMENSIONS, world.size(100, 5));
    const [first] = rows;
    return {
      rows: [...rows, { what: 'vectors', values: { 'recall@5': recall } }, ...codes],
      aims: [
        atMost('a search by full text and vectors, p95', first?.values['p95 ms'] ?? Number.NaN, 30, ' ms'),
        atLeast('recall@5 of vectors against exact search', recall, 0.95),
        ...codes.map(({ what, values }) => atLeast(`recall@5 of ${what}`, values['recall@5'] ?? 0, 0.95)),
      ],
    };
  },
};

async function measure(
  what: string,
  search: Memories,
  { user }: GeneratedMemories,
  queries: readonly string[],
): Promise<BenchmarkRow> {
  const times: number[] = [];
  for (const query of queries) {
    const began = performance.now();
    await search.search(user, query, { limit: FOUND });
    times.push(performance.now() - began);
  }
  const [first = Number.NaN, ...others] = times;
  return {
    what,
    values: { 'first ms': first, 'p50 ms': percentile(others, 0.5), 'p95 ms': percentile(others, 0.95) },
  };
}

/** Of queries without a word that a memory has, so that vectors alone find. */
async function recallOf(search: Memories, given: GeneratedMemories, queries: readonly string[]): Promise<number> {
  let found = 0;
  for (const query of queries) {
    const text = query.split(' ', 1)[0] ?? '';
    const { data } = await search.search(given.user, text, { limit: FOUND });
    const nearest = new Set(given.nearest(vectorOfText(text, DIMENSIONS), FOUND));
    found += data.filter(({ id }) => nearest.has(id)).length;
  }
  return found / (queries.length * FOUND);
}
