import { LIMITS } from '../contracts/limits.ts';
import type { Db } from '../store/db/db.ts';
import { readPendingMemories, type PendingMemory } from '../store/admin/memory/pending-embeddings.ts';
import { contentHash, readEmbeddings, saveEmbeddings, type EmbeddedMemory } from '../store/memory/embeddings.ts';
import { openPgvector, type Pgvector } from '../store/memory/pgvector.ts';
import { readMemoryState } from '../store/memory/vector-rows.ts';
import type { AvailableEmbedder, OnCall } from './available-embedder.ts';
import type { ChargedText, EmbeddingCause, EmbeddingMeter } from './embedding-meter.ts';
import { CodeIndex } from './code-index.ts';

type Content = Pick<PendingMemory, 'id' | 'content'>;

/**
 * Memories of a user whose vectors pgvector compares one by one. With more, that takes longer than a scan of their codes: 100,000
 * vectors of 256 dimensions took 80 ms, a scan 8 ms (decision 35).
 */
const COMPARED = 5_000;

/** The vectors of memories: makes, stores and searches them. */
export class VectorStore {
  readonly #db: Db;
  readonly #embedder: AvailableEmbedder;
  readonly #index: CodeIndex;
  readonly #usesPgvector: boolean;
  readonly #meter: EmbeddingMeter | null;
  #pgvector: Promise<Pgvector | null> | null = null;

  constructor(db: Db, embedder: AvailableEmbedder, usesPgvector: boolean, meter: EmbeddingMeter | null = null) {
    this.#meter = meter;
    this.#db = db;
    this.#embedder = embedder;
    this.#index = new CodeIndex(db);
    this.#usesPgvector = usesPgvector;
  }

  get space(): string {
    return this.#embedder.space;
  }

  /** Returns the ids of the user's memories nearest to the query, best first; or why there is no vector of the query. */
  async search(
    user: string,
    query: string,
    limit: number,
    cause: EmbeddingCause | null = null,
  ): Promise<string[] | 'embeddings_unavailable' | 'budget_exceeded'> {
    const vector = this.#embedder.knownQuery(query) ?? (await this.#embedQuery(user, query, cause));
    if (vector === null) return 'embeddings_unavailable';
    if (vector === 'budget_exceeded') return vector;
    const state = await readMemoryState(this.#db, user);
    const pgvector = state.memories <= COMPARED ? await this.#open() : null;
    if (pgvector) return await pgvector.search(user, this.space, vector, limit);
    return await this.#index.search(user, this.space, vector, limit, state);
  }

  async #embedQuery(
    user: string,
    query: string,
    cause: EmbeddingCause | null,
  ): Promise<readonly number[] | 'budget_exceeded' | null> {
    if (this.#meter !== null && !(await this.#meter.allows(user, [query]))) return 'budget_exceeded';
    return await this.#metered(
      cause,
      (text) => ({ user, text }),
      (onCall) => this.#embedder.embedQuery(query, onCall),
    );
  }

  /** Adds the vectors of a user's memories, within a moment. Returns false if they are to be added later. */
  async add(user: string, memories: readonly Content[], cause: EmbeddingCause | null = null): Promise<boolean> {
    const owned = memories.map((memory) => ({ ...memory, user }));
    const made = await this.#embed(owned, LIMITS.embeddingWaitMs.value, cause);
    if (made === null) return false;
    if (made.length > 0) await this.#save(user, made);
    return made.length === memories.length;
  }

  /** Adds the vectors that memories of all users lack, except of users whose budget is spent. Returns how many; stops when the endpoint fails. */
  async addMissing(signal?: AbortSignal): Promise<number> {
    let added = 0;
    for (let after: PendingMemory | null = null; ;) {
      if (signal?.aborted === true) return added;
      const pending: readonly PendingMemory[] = await readPendingMemories(
        this.#db,
        this.space,
        after,
        LIMITS.embeddingBatch.value,
      );
      const made = await this.#embed(pending, LIMITS.embeddingMs.value, null);
      if (made === null || pending.length === 0) return added;
      const byUser = Map.groupBy(made, ({ user }) => user);
      for (const [user, memories] of byUser) await this.#save(user, memories);
      added += made.length;
      after = pending.at(-1) ?? null;
    }
  }

  /**
   * Returns the vectors in the order of the memories, those of known contents from the cache; null if the endpoint fails. Leaves
   * out those of users whose budget is spent.
   */
  async #embed(
    memories: readonly PendingMemory[],
    timeoutMs: number,
    cause: EmbeddingCause | null,
  ): Promise<readonly (EmbeddedMemory & { readonly user: string })[] | null> {
    const hashed = memories.map((memory) => ({ ...memory, hash: contentHash(memory.content) }));
    const known = await readEmbeddings(
      this.#db,
      this.space,
      hashed.map(({ hash }) => hash),
    );
    const unknown = await this.#affordable(hashed.filter(({ hash }) => !known.has(hash)));
    // Of users with the same content, the first is charged.
    const texts = new Map(unknown.toReversed().map(({ content, user }) => [content, user]));
    const made = await this.#metered(
      cause,
      (text) => ({ user: texts.get(text) ?? memories[0]?.user ?? '', text }),
      (onCall) => this.#embedder.embed([...texts.keys()], timeoutMs, onCall),
    );
    if (made === null) return null;
    const byHash = new Map<string, readonly number[] | null>([
      ...known,
      ...[...texts.keys()].map((content, index) => [contentHash(content), made[index] ?? null] as const),
    ]);
    return hashed
      .filter(({ hash }) => byHash.has(hash))
      .map(({ id, user, hash }) => ({ id, user, hash, embedding: byHash.get(hash) ?? null }));
  }

  /** Those of the memories whose users have budget for their vectors. */
  async #affordable<Memory extends PendingMemory>(memories: readonly Memory[]): Promise<readonly Memory[]> {
    if (this.#meter === null) return memories;
    const affordable: Memory[] = [];
    for (const [user, own] of Map.groupBy(memories, (memory) => memory.user)) {
      const texts = own.map(({ content }) => content);
      if (await this.#meter.allows(user, texts)) affordable.push(...own);
    }
    return affordable;
  }

  /** Makes calls, and charges each one that the endpoint has answered. */
  async #metered<T>(
    cause: EmbeddingCause | null,
    chargedText: (text: string) => ChargedText,
    work: (onCall: OnCall) => Promise<T>,
  ): Promise<T> {
    const calls: Parameters<OnCall>[] = [];
    const result = await work((...call) => calls.push(call));
    for (const [texts, tokens] of calls) await this.#meter?.record(texts.map(chargedText), tokens, cause);
    return result;
  }

  async #save(user: string, memories: readonly EmbeddedMemory[]): Promise<void> {
    await saveEmbeddings(this.#db, user, this.space, memories);
    await (await this.#open())?.sync(user);
  }

  /** Opens pgvector with the first use. Tries again if the store failed. */
  async #open(): Promise<Pgvector | null> {
    if (!this.#usesPgvector) return null;
    this.#pgvector ??= openPgvector(this.#db);
    try {
      return await this.#pgvector;
    } catch (error) {
      this.#pgvector = null;
      throw error;
    }
  }
}
