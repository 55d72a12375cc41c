import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../contracts/limits.ts';
import type { CentredCodes } from '../core/memory/centred-codes.ts';
import { cosine } from '../core/memory/cosine.ts';
import { nearestCodes } from '../core/memory/nearest-codes.ts';
import type { Db } from '../store/db/db.ts';
import { readVectors, type MemoryState } from '../store/memory/vector-rows.ts';
import { isCentred, noCodes, readUserCodes, type UserCodes } from './user-codes.ts';

/** Vectors that are read from the store and compared exactly. */
const CANDIDATES = 200;
/** Memories that were forgotten or changed stay in a user's codes until they are this share of them. */
const STALE_SHARE = 0.25;

/**
 * Searches the vectors of one user by their codes. Scans the codes, which it caches and completes by what the user has changed
 * since, and compares the best candidates by their vectors in the store. So what it returns is never stale, and the search is
 * exact for users with few memories.
 */
export class CodeIndex {
  readonly #db: Db;
  readonly #users: LRUCache<string, UserCodes>;
  #scratch = new Float32Array(0);
  /** By user and space: what is being read. */
  readonly #loading = new Map<string, { readonly upTo: number; readonly codes: Promise<UserCodes> }>();

  constructor(db: Db, maxBytes: number = LIMITS.memoryIndexBytes.value) {
    this.#db = db;
    this.#users = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ codes, revisions }) =>
        codes.bits.byteLength + codes.factors.byteLength + revisions.byteLength + 1,
    });
  }

  /** Returns the ids of the user's memories with the most similar vectors, best first. `state`: as just read. */
  async search(
    user: string,
    space: string,
    vector: readonly number[],
    limit: number,
    state: MemoryState,
  ): Promise<string[]> {
    const { revisions, codes } = await this.#load(user, space, vector.length, state);
    const nearest = await this.#nearest(vector, codes, Math.ceil(limit / (1 - STALE_SHARE)));
    const found = await readVectors(
      this.#db,
      user,
      space,
      nearest.map((index) => revisions[index] as number),
    );
    return found
      .filter(({ embedding }) => embedding.length === vector.length)
      .map(({ id, embedding }) => ({ id, similarity: cosine(vector, embedding) }))
      .toSorted((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id);
  }

  /** As `nearestCodes`. Searches one after the other use the same array: a new one of each makes collections of garbage frequent. */
  async #nearest(vector: readonly number[], codes: CentredCodes, wanted: number): Promise<readonly number[]> {
    const total = codes.factors.length / 2;
    const scratch = this.#scratch.length < total ? new Float32Array(total) : this.#scratch;
    this.#scratch = new Float32Array(0);
    const nearest = await inSlices(nearestCodes(vector, codes, { count: CANDIDATES, wanted, scratch }));
    this.#scratch = scratch;
    return nearest;
  }

  /** The codes up to `state`. Searches of a user that begin at the same time read them once. */
  async #load(user: string, space: string, dimensions: number, state: MemoryState): Promise<UserCodes> {
    const key = JSON.stringify([user, space, dimensions]);
    const loading = this.#loading.get(key);
    if (loading !== undefined && loading.upTo >= state.revision) return await loading.codes;
    const cached = this.#users.get(key);
    const isUsable =
      cached !== undefined &&
      cached.upTo <= state.revision &&
      cached.revisions.length <= state.memories * (1 + STALE_SHARE) + CANDIDATES &&
      isCentred(cached);
    if (isUsable && cached.upTo === state.revision) return cached;
    const codes = readUserCodes(this.#db, user, space, state.revision, isUsable ? cached : noCodes(dimensions));
    const started = { upTo: state.revision, codes };
    this.#loading.set(key, started);
    try {
      const loaded = await codes;
      this.#users.set(key, loaded);
      return loaded;
    } finally {
      if (this.#loading.get(key) === started) this.#loading.delete(key);
    }
  }
}

/** Returns what a generator returns, and lets other work be done at each of its yields. */
async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await setImmediate();
  }
}
