import { LRUCache } from 'lru-cache';
import { roleSchema } from '../../contracts/identity/role.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { FoundApiKey } from '../../store/admin/keys/find-api-keys.ts';

/** What the ring reads and writes in the store. */
export interface KeyStore {
  /** The keys with these hashes or ids that are not revoked. */
  find(lookup: { readonly hashes: readonly string[]; readonly ids: readonly string[] }): Promise<FoundApiKey[]>;
  /** Records that a key was used. */
  recordUse(id: string): Promise<void>;
}

/** The API keys of a gateway: those that were used lately, as the store had them a few seconds ago. */
export interface KeyRing {
  /** The key with this SHA-256, in hexadecimal; null if there is none, it is revoked or has expired. Rejects while the store is unavailable. */
  findByHash(hash: string): Promise<FoundApiKey | null>;
  findById(id: string): Promise<FoundApiKey | null>;
  /** Calls the listener once when a key is revoked. Returns the function that ends that. */
  onRevoked(id: string, listener: () => void): () => void;
  /** Applies a revocation at once. */
  forget(id: string): void;
  close(): void;
}

/** Keys that are cached, and lookups of one statement. */
const MAX_KEYS = 10_000;
const MAX_LOOKUPS = 1_000;
/** A use of a key whose entry is older than this starts a check in the background. */
const RENEW_MS = LIMITS.apiKeyCheckMs.value / 2;
/** An entry that is older is not used: the rest of the limit is for the statement on its way. */
const MAX_AGE_MS = LIMITS.apiKeyCheckMs.value - 1_000;
const RECORD_USE_MS = 60_000;

interface Entry {
  readonly key: FoundApiKey;
  readonly checkedAt: number;
}

type Lookup = `hash:${string}` | `id:${string}`;

/**
 * A key is read from the store when it is first used, and checked again while it is in use, with all others in one statement
 * at a time, whatever arrives. A request whose key is cached waits for no statement.
 */
export function createKeyRing(store: KeyStore, now: () => number = Date.now): KeyRing {
  const entries = new LRUCache<Lookup, Entry>({ max: MAX_KEYS });
  const used = new Map<string, number>();
  const listeners = new Map<string, Set<() => void>>();
  let pending = new Map<Lookup, PromiseWithResolvers<FoundApiKey | null>>();
  let isReading = false;
  const timer = setInterval(checkWatched, RENEW_MS).unref();

  function request(lookup: Lookup): Promise<FoundApiKey | null> {
    const waiting = pending.get(lookup) ?? Promise.withResolvers<FoundApiKey | null>();
    pending.set(lookup, waiting);
    // Whoever renews in the background does not wait.
    waiting.promise.catch(() => undefined);
    void readPending();
    return waiting.promise;
  }

  async function readPending(): Promise<void> {
    if (isReading) return;
    isReading = true;
    try {
      while (pending.size > 0) await readBatch();
    } finally {
      isReading = false;
    }
  }

  async function readBatch(): Promise<void> {
    const all = [...pending];
    const batch = all.slice(0, MAX_LOOKUPS);
    pending = new Map(all.slice(MAX_LOOKUPS));
    // The state that is read is at least this new.
    const checkedAt = now();
    const of = (kind: string) =>
      batch.filter(([lookup]) => lookup.startsWith(kind)).map(([lookup]) => lookup.slice(kind.length));
    try {
      const found = await store.find({ hashes: of('hash:'), ids: of('id:') });
      const keys = new Map(found.filter(isKnownRole).flatMap((key) => lookupsOf(key).map((it) => [it, key] as const)));
      for (const [lookup, waiting] of batch) {
        const key = keys.get(lookup) ?? null;
        apply(lookup, key, checkedAt);
        waiting.resolve(key);
      }
    } catch (error) {
      for (const [, waiting] of batch) waiting.reject(error);
    }
  }

  function apply(lookup: Lookup, key: FoundApiKey | null, checkedAt: number): void {
    if (key !== null) return void entries.set(lookup, { key, checkedAt });
    const before = entries.get(lookup)?.key;
    entries.delete(lookup);
    if (before !== undefined) end(before.id);
    if (lookup.startsWith('id:')) end(lookup.slice('id:'.length));
  }

  async function find(lookup: Lookup): Promise<FoundApiKey | null> {
    const entry = entries.get(lookup);
    const ageMs = entry === undefined ? Infinity : now() - entry.checkedAt;
    if (ageMs > RENEW_MS) {
      const read = request(lookup);
      if (ageMs > MAX_AGE_MS) return await asUsed(read);
    }
    return await asUsed(entry?.key ?? null);
  }

  async function asUsed(finding: FoundApiKey | null | Promise<FoundApiKey | null>): Promise<FoundApiKey | null> {
    const key = await finding;
    if (key === null || (key.expiresAt !== null && Date.parse(key.expiresAt) <= now())) return null;
    recordUse(key.id);
    return key;
  }

  /** In the background, and at most once a minute for each key. */
  function recordUse(id: string): void {
    const nowMs = now();
    if (nowMs - (used.get(id) ?? -Infinity) < RECORD_USE_MS) return;
    if (used.size >= MAX_KEYS) used.clear();
    used.set(id, nowMs);
    store.recordUse(id).catch(() => used.delete(id));
  }

  function end(id: string): void {
    const ended = listeners.get(id);
    listeners.delete(id);
    for (const listener of ended ?? []) listener();
  }

  function checkWatched(): void {
    for (const id of listeners.keys()) request(`id:${id}`).catch(() => undefined);
  }

  return {
    findByHash: async (hash) => await find(`hash:${hash}`),
    findById: async (id) => await find(`id:${id}`),
    onRevoked(id, listener) {
      const own = listeners.get(id) ?? new Set();
      listeners.set(id, own.add(listener));
      return () => {
        own.delete(listener);
        if (own.size === 0 && listeners.get(id) === own) listeners.delete(id);
      };
    },
    forget(id) {
      for (const [lookup, { key }] of entries.entries()) if (key.id === id) entries.delete(lookup);
      end(id);
    },
    close: () => clearInterval(timer),
  };
}

function lookupsOf({ id, hash }: FoundApiKey): Lookup[] {
  return [`hash:${hash}`, `id:${id}`];
}

/** A newer process may have created a key with a role that this one does not have. */
function isKnownRole({ role }: FoundApiKey): boolean {
  return roleSchema.safeParse(role).success;
}
