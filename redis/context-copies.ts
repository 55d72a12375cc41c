import { LRUCache } from 'lru-cache';
import { LIMITS } from '../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../contracts/session/session-key.ts';
import type { ContextCopy } from '../core/conversation/conversation-copy.ts';
import { contextRecord, parseContextRecord } from './context-record.ts';
import type { RedisConnection } from './redis-connection.ts';
import { redisKeyOf } from './redis-keys.ts';

/** How long a run waits for a copy. Without it, the context is read from the store. */
const LOAD_MS = 50;
const SAVE_MS = 500;
/** A session's copy is written at most once in this time while its worker serves it. */
const SAVE_EVERY_MS = 5_000;
/** Sessions whose last writing is remembered. */
const MAX_SAVED = 10_000;

/** How a read or a writing of a copy ended. */
export type CopyOutcome = 'hit' | 'miss' | 'invalid' | 'saved' | 'too_large' | 'failed';

/**
 * Copies of sessions' contexts in Redis, for a worker that has not got one in its memory. A copy is a hint: it is used only as far as
 * the store, under the session's lock or version, continues it.
 */
export interface ContextCopies {
  /** Null if there is no usable copy, or Redis does not reply in time. Never rejects. */
  load(key: SessionKey): Promise<ContextCopy | null>;
  /** Writes a copy unless one was written a moment ago. `leaves`: whether this worker ceases to serve the session; then it writes any that has changed. Never throws and never blocks. */
  save(key: SessionKey, leaves: boolean, copyOf: () => ContextCopy | null): void;
}

export interface ContextCopiesOptions {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly expiryMs: number;
  readonly onOutcome?: (outcome: CopyOutcome) => void;
}

export function createContextCopies(options: ContextCopiesOptions): ContextCopies {
  const { connection, prefix, expiryMs, onOutcome = () => {} } = options;
  const saved = new LRUCache<string, { readonly at: number; readonly throughSeq: number }>({ max: MAX_SAVED });

  function isDue(id: string, leaves: boolean): boolean {
    const last = saved.get(id);
    return connection.isOpen && (leaves || last === undefined || performance.now() - last.at >= SAVE_EVERY_MS);
  }

  return {
    async load(key) {
      if (!connection.isOpen) return null;
      const name = redisKeyOf(prefix, key, 'context');
      try {
        const record = await connection.use(LOAD_MS, (client) => client.getEx(name, { type: 'PX', value: expiryMs }));
        const copy = record === null ? null : parseContextRecord(key, record);
        onOutcome(copy ? 'hit' : record === null ? 'miss' : 'invalid');
        return copy;
      } catch {
        onOutcome('failed');
        return null;
      }
    },
    save(key, leaves, copyOf) {
      const id = workflowIdOf(key);
      if (!isDue(id, leaves)) return;
      const copy = copyOf();
      const { throughSeq = null } = copy?.conversation ?? {};
      if (!copy || throughSeq === null || saved.get(id)?.throughSeq === throughSeq) return;
      saved.set(id, { at: performance.now(), throughSeq });
      const record = contextRecord(key, copy);
      if (Buffer.byteLength(record) > LIMITS.redisContextBytes.value) return onOutcome('too_large');
      const name = redisKeyOf(prefix, key, 'context');
      connection
        .use(SAVE_MS, (client) => client.set(name, record, { expiration: { type: 'PX', value: expiryMs } }))
        .then(
          () => onOutcome('saved'),
          () => onOutcome('failed'),
        );
    },
  };
}
