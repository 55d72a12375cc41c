import { v7 as uuidv7 } from 'uuid';
import { PerdureError } from '../contracts/errors.ts';
import { LIMITS } from '../contracts/limits.ts';
import { memoriesPerUser } from '../contracts/limits/memories-per-user.ts';
import type {
  FoundMemory,
  Memory,
  MemoryPage,
  MemorySearch,
  Remember,
  Remembered,
} from '../contracts/capabilities/memory.ts';
import { fuseRanks } from '../core/memory/fuse-ranks.ts';
import type { Embedder } from '../models/embedder.ts';
import type { Db, Tx } from '../store/db/db.ts';
import { forget, forgetAll } from '../store/memory/forget.ts';
import { hasPendingVectors, listMemories, readMemories } from '../store/memory/read-memories.ts';
import { remember, rememberIn } from '../store/memory/remember.ts';
import { searchText } from '../store/memory/search-text.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { availableEmbedder } from './available-embedder.ts';
import { EmbeddingMeter, type EmbeddingCause, type EmbeddingCharges } from './embedding-meter.ts';
import { VectorStore } from './vector-store.ts';

export interface MemoriesOptions {
  readonly db: Db;
  /** Makes the vectors. Default: none; memories are searched by full text alone. */
  readonly embedder?: Embedder | null | undefined;
  /** What embeddings are charged by. Default: they are not charged. */
  readonly charges?: EmbeddingCharges | undefined;
  /** Maximum number of memories of one user. Default 100,000. */
  readonly perUser?: number | undefined;
  /** Whether to use pgvector where the store has it. Default true. */
  readonly pgvector?: boolean | undefined;
  /** Reports when the embedding endpoint fails. */
  readonly log?: Pick<Log, 'warn' | 'info'> | undefined;
  /** Counts searches. Default: they are not counted. */
  readonly metrics?: Pick<Metrics, 'memorySearchSeconds'> | undefined;
}

/** What causes the vectors that a call needs. */
interface Caused {
  /** Default: a request of the user. */
  readonly cause?: EmbeddingCause | undefined;
}

interface SearchOptions extends Caused {
  /** Default 10. */
  readonly limit?: number | undefined;
}

/** The long-term memory of users, over all their sessions. Every method concerns one user. */
export interface Memories {
  /**
   * Remembers a text. The same text is remembered once; with `replaces`, the new memory takes the place of another one. Waits
   * a moment for the vector, which is added later if the endpoint fails.
   * @throws {PerdureError} `too_large` for a long text and for too many memories; `not_found` for an unknown `replaces`.
   */
  remember(user: string, input: Remember, options?: Caused): Promise<Remembered>;
  /** Remembers texts in a transaction of the caller; a memory to replace that is no longer there is not replaced. The vectors are to be added after the commit. */
  rememberIn(tx: Tx, user: string, inputs: readonly Remember[]): Promise<RememberedText[]>;
  /** Adds the vectors of memories that were just committed; a worker adds those that fail. */
  addVectorsOf(user: string, memories: readonly Memory[]): Promise<void>;
  /** Finds memories by full text and by meaning, best first; by full text alone while there is no vector of the query, or no budget for one. */
  search(user: string, query: string, options?: SearchOptions): Promise<MemorySearch>;
  /** The current memories, newest first. */
  list(
    user: string,
    query?: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  ): Promise<MemoryPage>;
  /** Removes a memory with all that it corrects. Returns how many were removed; 0 if there is no such memory. */
  forget(user: string, id: string): Promise<number>;
  /** Removes all of a user's memories. Returns how many. */
  forgetAll(user: string): Promise<number>;
  /** Adds the vectors that are missing, of all users. Returns how many; stops when the endpoint fails. */
  addVectors(signal?: AbortSignal): Promise<number>;
}

/** A text that was remembered, without its vector. */
export type RememberedText = Omit<Remembered, 'vector'>;

/** Memories that each of the two searches contributes. */
const PER_SEARCH = 50;

export function createMemories({
  db,
  embedder,
  charges,
  perUser,
  pgvector = true,
  log,
  metrics,
}: MemoriesOptions): Memories {
  const max = perUser ?? memoriesPerUser();
  const meter = charges ? new EmbeddingMeter(db, charges) : null;
  const vectors = embedder ? new VectorStore(db, availableEmbedder(embedder, log), pgvector, meter) : null;
  const search = async (user: string, query: string, { limit = 10, cause }: SearchOptions): Promise<MemorySearch> => {
    bounded(query, LIMITS.memoryQueryBytes.value, 'query');
    const count = Math.max(1, Math.min(Math.trunc(limit), LIMITS.memoriesPerSearch.value));
    const [text, vector] = await Promise.all([
      searchText(db, user, query, PER_SEARCH),
      // An endpoint refuses an empty text.
      query.trim() === '' ? null : (vectors?.search(user, query, PER_SEARCH, cause) ?? null),
    ]);
    const fused = fuseRanks({ text, vector: Array.isArray(vector) ? vector : [] });
    const [found, pending] = await Promise.all([
      readFound(db, user, fused, count),
      vectors !== null && hasPendingVectors(db, user, vectors.space),
    ]);
    if (vectors === null) return { data: found, search: { mode: 'text', reason: 'no_embeddings', pending } };
    if (!Array.isArray(vector)) {
      return { data: found, search: { mode: 'text', reason: vector ?? 'embeddings_unavailable', pending } };
    }
    return { data: found, search: { mode: 'hybrid', reason: null, pending } };
  };
  return {
    async remember(user, input, { cause } = {}) {
      const content = bounded(input.content.trim(), LIMITS.memoryBytes.value, 'memory');
      if (content === '') throw new PerdureError('invalid_request', 'The memory is empty. Give it a text.');
      const options = { id: uuidv7(), at: new Date().toISOString(), max };
      const { created, memory } = await remember(db, user, { ...input, content }, options);
      if (vectors === null) return { created, memory, vector: 'off' };
      return { created, memory, vector: (await vectors.add(user, [memory], cause)) ? 'ready' : 'pending' };
    },
    async rememberIn(tx, user, inputs) {
      const done: RememberedText[] = [];
      for (const input of inputs) {
        const content = bounded(input.content.trim(), LIMITS.memoryBytes.value, 'memory');
        const options = { id: uuidv7(), at: new Date().toISOString(), max };
        const { replaces: _, ...alone } = { ...input, content };
        done.push(
          await rememberIn(tx, user, { ...input, content }, options).catch((error: unknown) => {
            if (!(error instanceof PerdureError) || error.code !== 'not_found') throw error;
            return rememberIn(tx, user, alone, options);
          }),
        );
      }
      return done;
    },
    async addVectorsOf(user, memories) {
      if (memories.length > 0) await vectors?.add(user, memories);
    },
    search: (user, query, options = {}) => measured(metrics, () => search(user, query, options)),
    list: (user, { limit = 50, cursor } = {}) => listMemories(db, user, { limit, cursor }),
    forget: (user, id) => forget(db, user, id),
    forgetAll: (user) => forgetAll(db, user),
    addVectors: async (signal) => (await vectors?.addMissing(signal)) ?? 0,
  };
}

/** Reads the first `count` of the memories. Reads on if some of them have been forgotten meanwhile. */
async function readFound(
  db: Db,
  user: string,
  fused: ReturnType<typeof fuseRanks<'text' | 'vector'>>,
  count: number,
): Promise<readonly FoundMemory[]> {
  const found: FoundMemory[] = [];
  for (let from = 0; from < fused.length && found.length < count; from += count) {
    const next = fused.slice(from, from + count);
    const read = await readMemories(
      db,
      user,
      next.map(({ id }) => id),
    );
    for (const { id, score, by } of next) {
      const memory = read.get(id);
      if (memory) found.push({ ...memory, score, by: [...by] });
    }
  }
  return found.slice(0, count);
}

function bounded(text: string, maxBytes: number, what: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  throw new PerdureError(
    'too_large',
    `The ${what} has ${bytes} bytes; the limit is ${maxBytes}. Shorten it${what === 'memory' ? ', or split it into several' : ''}.`,
  );
}

/** Records the duration of a search. `mode` of one that has failed is unknown. */
async function measured(
  metrics: MemoriesOptions['metrics'],
  search: () => Promise<MemorySearch>,
): Promise<MemorySearch> {
  const startedAt = performance.now();
  const record = (mode: string, outcome: string): void =>
    metrics?.memorySearchSeconds.record({ mode, outcome }, (performance.now() - startedAt) / 1_000);
  try {
    const found = await search();
    const { mode, reason } = found.search;
    record(mode, reason === null || reason === 'no_embeddings' ? 'found' : reason);
    return found;
  } catch (error) {
    record('unknown', 'failed');
    throw error;
  }
}
