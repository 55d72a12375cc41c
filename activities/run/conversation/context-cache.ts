import { LRUCache } from 'lru-cache';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { CachedConversation, callIdsIn } from '../../../core/conversation/cached-conversation.ts';
import type { ContextCopy } from '../../../core/conversation/conversation-copy.ts';
import type { ConversationWindow } from '../../../core/conversation/conversation-window.ts';
import { transcript } from '../../../core/conversation/transcript.ts';
import type { RunPosition } from '../../../store/steps/run-position.ts';
import { outputState } from '../../../core/output/output-state.ts';
import type { Db } from '../../../store/db/db.ts';
import type { CachedPosition } from '../../../store/runs/load-new-events.ts';
import { readContext } from '../../../store/read/read-context.ts';

interface Entry {
  /** When the session was created: distinguishes it from a deleted one with the same id. */
  readonly createdAt: string;
  readonly conversation: CachedConversation;
  /** Time of the last event that `conversation` covers. */
  readonly throughAt: string;
}

export interface ContextRequest {
  readonly runId: string;
  readonly position: Pick<Extract<RunPosition, { kind: 'model' }>, 'throughSeq' | 'conversation'>;
  /** The maximum number of earlier runs. */
  readonly runs: number;
  /** Whether the context begins at the session's newest summary. Default false. */
  readonly atSummary?: boolean;
}

/** The memory of an entry without content. */
const OVERHEAD_BYTES = 1_000;

/**
 * The conversations that a worker used last, so that a model call reads from the store only the events since the worker's
 * previous call: `beginStep` returns the events appended since `throughSeq`, read under the session's lock. Committed events
 * are immutable and only appended, so an entry is right as long as its last event is in the store. `beginStep` checks that:
 * a store restored from a backup lacks it, or has another event with its number (docs/decisions/0015).
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
    const entry = this.#entries.peek(workflowIdOf(key)) ?? null;
    return (
      entry && { createdAt: entry.createdAt, throughSeq: entry.conversation.throughSeq, throughAt: entry.throughAt }
    );
  }

  /** A copy of what is cached of a session, for another worker; null if nothing is, or if it has more than about `maxBytes` in memory. */
  copyOf(key: SessionKey, maxBytes: number): ContextCopy | null {
    const entry = this.#entries.peek(workflowIdOf(key));
    return entry && entry.conversation.bytes <= maxBytes ? { ...entry, conversation: entry.conversation.copy() } : null;
  }

  /** Caches a copy, of another worker, of a session that is not cached. Its last event is checked as that of every entry. */
  adopt(key: SessionKey, { createdAt, throughAt, conversation }: ContextCopy): void {
    if (this.#entries.has(workflowIdOf(key))) return;
    this.#entries.set(workflowIdOf(key), {
      createdAt,
      throughAt,
      conversation: CachedConversation.ofCopy(conversation),
    });
  }

  /** Builds the context of a model call from the cache and the new events, or else reads it from the store. */
  async read(
    db: Db,
    key: SessionKey,
    { runId, position, runs, atSummary = false }: ContextRequest,
  ): Promise<ConversationWindow> {
    const { throughSeq, conversation: update } = position;
    const cached = update.continues ? this.#entryOf(key, update.createdAt) : null;
    const conversation = cached?.conversation ?? new CachedConversation();
    if (update.newEvents) conversation.append(update.newEvents, update.since, throughSeq);
    try {
      const found = conversation.window(runId, runs, throughSeq, atSummary);
      if (found !== null && found !== 'beginning') return found;
      if (found === 'beginning') {
        const own = await readContext(db, key, { runId, runs: 0, throughSeq });
        for (const run of own.runs) conversation.completeRun(run, throughSeq);
        const completed = conversation.window(runId, runs, throughSeq, atSummary);
        if (completed !== null && completed !== 'beginning') return completed;
      }
      const read = await readContext(db, key, { runId, runs, throughSeq, atSummary });
      // Only the newest run replaces the cache: runs that started after this one are not in `read`.
      if (read.newest) conversation.replaceWith(read.runs, runs, throughSeq, read.background);
      const { events: own = [], startedSeq = 0 } = read.runs.find((run) => run.runId === runId) ?? {};
      return {
        runs: read.runs.map((run) => ({ ...run, entries: transcript(run.events) })),
        background: read.background,
        callIds: callIdsIn(own),
        output: outputState(own, startedSeq),
      };
    } finally {
      conversation.trim(runId, runs, atSummary);
      // Otherwise the cache covers more events than this call may see, or lacks some of them.
      const isLast = conversation.throughSeq === throughSeq;
      const throughAt = isLast ? update.throughAt : cached?.throughAt;
      if (throughAt !== undefined) {
        this.#entries.set(workflowIdOf(key), { createdAt: update.createdAt, conversation, throughAt });
      }
    }
  }

  /** The conversation since its newest summary, at most `runs` runs; null when it is not fully cached. */
  sinceSummary(key: SessionKey, runs: number): Pick<ConversationWindow, 'runs' | 'background'> | null {
    return this.#entries.peek(workflowIdOf(key))?.conversation.sinceSummary(runs) ?? null;
  }

  /** Appends the events of a commit. The first of them must directly follow the previous event of the session. */
  append(key: SessionKey, createdAt: string, events: readonly PerdureEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    const entry = this.#entries.peek(workflowIdOf(key));
    if (!first || !last || entry?.createdAt !== createdAt) return;
    entry.conversation.append(events, first.seq - 1, last.seq);
    const throughAt = entry.conversation.throughSeq === last.seq ? last.at : entry.throughAt;
    // A copy: the cache recalculates the size of a value only when it is another object.
    this.#entries.set(workflowIdOf(key), { ...entry, throughAt });
  }

  #entryOf(key: SessionKey, createdAt: string): Entry | null {
    const entry = this.#entries.peek(workflowIdOf(key));
    return entry?.createdAt === createdAt ? entry : null;
  }
}
