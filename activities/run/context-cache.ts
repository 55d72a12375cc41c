import { LRUCache } from 'lru-cache';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import { CachedConversation, callIdsIn, type ConversationWindow } from '../../core/conversation/cached-conversation.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import type { RunPosition } from '../../store/runs/begin-step.ts';
import type { Db } from '../../store/db/db.ts';
import type { CachedPosition } from '../../store/runs/load-new-events.ts';
import { readContext } from '../../store/read/read-context.ts';

interface Entry {
  /** When the session was created: distinguishes it from a deleted one with the same id. */
  readonly createdAt: string;
  readonly conversation: CachedConversation;
}

export interface ContextRequest {
  readonly runId: string;
  readonly position: Pick<Extract<RunPosition, { kind: 'model' }>, 'throughSeq' | 'conversation'>;
  /** The maximum number of earlier runs. */
  readonly runs: number;
}

/** The memory of an entry without content. */
const OVERHEAD_BYTES = 1_000;

/**
 * The conversations that a worker used last, so that a model call reads from the store only the events since the worker's
 * previous call. Committed events are immutable and only appended, so entries never become wrong; `beginStep` returns the
 * events appended since `throughSeq`, read under the session's lock.
 */
export class ContextCache {
  readonly #entries: LRUCache<string, Entry>;

  /** `bytes`: the approximate bound of all entries together. */
  constructor(bytes: number = LIMITS.contextCacheBytes.value) {
    this.#entries = new LRUCache({
      maxSize: bytes,
      sizeCalculation: ({ conversation }) => OVERHEAD_BYTES + conversation.bytes,
    });
  }

  /** The approximate size of all entries. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** The cached position of a session, to pass to `beginStep`. */
  known(key: SessionKey): CachedPosition | null {
    const entry = this.#entries.peek(workflowIdOf(key));
    return entry ? { createdAt: entry.createdAt, throughSeq: entry.conversation.throughSeq } : null;
  }

  /** Builds the context of a model call from the cache and the new events, or else reads it from the store. */
  async read(db: Db, key: SessionKey, { runId, position, runs }: ContextRequest): Promise<ConversationWindow> {
    const { throughSeq, conversation: update } = position;
    const entry = this.#entryOf(key, update.createdAt);
    const { conversation } = entry;
    if (update.newEvents) conversation.append(update.newEvents, update.since, throughSeq);
    try {
      const found = conversation.window(runId, runs, throughSeq);
      if (found !== null && found !== 'beginning') return found;
      if (found === 'beginning') {
        const own = await readContext(db, key, { runId, runs: 0, throughSeq });
        for (const run of own.runs) conversation.completeRun(run, throughSeq);
        const completed = conversation.window(runId, runs, throughSeq);
        if (completed !== null && completed !== 'beginning') return completed;
      }
      const read = await readContext(db, key, { runId, runs, throughSeq });
      // Only the newest run replaces the cache: runs that started after this one are not in `read`.
      if (read.newest) conversation.replaceWith(read.runs, runs, throughSeq);
      const own = read.runs.find((run) => run.runId === runId)?.events ?? [];
      return { entries: transcript(read.runs.flatMap(({ events }) => events)), callIds: callIdsIn(own) };
    } finally {
      conversation.trim(runId, runs);
      this.#save(key, entry);
    }
  }

  /** Appends the events of a commit. The first of them must directly follow the previous event of the session. */
  append(key: SessionKey, createdAt: string, events: readonly PerdureEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    const entry = this.#entries.peek(workflowIdOf(key));
    if (!first || !last || entry?.createdAt !== createdAt) return;
    entry.conversation.append(events, first.seq - 1, last.seq);
    this.#save(key, entry);
  }

  #entryOf(key: SessionKey, createdAt: string): Entry {
    const entry = this.#entries.peek(workflowIdOf(key));
    return entry?.createdAt === createdAt ? entry : { createdAt, conversation: new CachedConversation() };
  }

  #save(key: SessionKey, entry: Entry): void {
    // A copy: the cache recalculates the size of a value only when it is another object.
    this.#entries.set(workflowIdOf(key), { ...entry });
  }
}
