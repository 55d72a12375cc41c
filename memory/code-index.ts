import { LRUCache } from 'lru-cache';
import { LIMITS } from '../contracts/limits.ts';
import { cosine } from '../core/memory/cosine.ts';
import { nearestCodes } from '../core/memory/nearest-codes.ts';
import { codeBytes } from '../core/memory/vector-code.ts';
import type { Db } from '../store/db/db.ts';
import { readCodes, readVectors, type MemoryState } from '../store/memory/vector-rows.ts';

/** The codes of one user's vectors, in the order of their revisions. Never changed: searches that overlap have the same ones. */
interface UserCodes {
  readonly bytes: number;
  /** The user's revision up to which they are complete. */
  readonly upTo: number;
  readonly revisions: Float64Array;
  readonly codes: Uint8Array;
}

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
  /** By user and space: what is being read. */
  readonly #loading = new Map<string, { readonly upTo: number; readonly codes: Promise<UserCodes> }>();

  constructor(db: Db, maxBytes: number = LIMITS.memoryIndexBytes.value) {
    this.#db = db;
    this.#users = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ codes, revisions }) => codes.byteLength + revisions.byteLength + 1,
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
    const { revisions, codes } = await this.#load(user, space, codeBytes(vector.length), state);
    const nearest = nearestCodes(vector, codes, revisions.length, CANDIDATES);
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

  /** The codes up to `state`. Searches of a user that begin at the same time read them once. */
  async #load(user: string, space: string, bytes: number, state: MemoryState): Promise<UserCodes> {
    const key = JSON.stringify([user, space, bytes]);
    const loading = this.#loading.get(key);
    if (loading !== undefined && loading.upTo >= state.revision) return await loading.codes;
    const cached = this.#users.get(key);
    const isUsable =
      cached !== undefined &&
      cached.upTo <= state.revision &&
      cached.revisions.length <= state.memories * (1 + STALE_SHARE) + CANDIDATES;
    if (isUsable && cached.upTo === state.revision) return cached;
    const codes = this.#append(user, space, {
      ...(isUsable ? cached : { bytes, revisions: new Float64Array(0), codes: new Uint8Array(0) }),
      upTo: state.revision,
    });
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

  /** The codes with those of later revisions. */
  async #append(user: string, space: string, before: UserCodes): Promise<UserCodes> {
    const revisions = [before.revisions];
    const codes = [before.codes];
    for (let after: number | null = before.revisions.at(-1) ?? 0; after !== null;) {
      const page = await readCodes(this.#db, user, space, before.bytes, after);
      revisions.push(page.revisions);
      codes.push(page.codes);
      after = page.next;
    }
    return { ...before, revisions: joined(Float64Array, revisions), codes: joined(Uint8Array, codes) };
  }
}

/** One array with the elements of all, which begins at the start of its buffer. */
function joined<T extends Float64Array | Uint8Array>(kind: new (length: number) => T, parts: readonly T[]): T {
  const whole = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
