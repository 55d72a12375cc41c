import type { PerdureEvent } from '../../contracts/session/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import { callIdsIn, KnownConversation, type ConversationWindow } from '../../core/conversation/known-conversation.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import type { RunPosition } from '../../store/runs/begin-step.ts';
import type { Db } from '../../store/db/db.ts';
import type { CachedPosition } from '../../store/runs/load-new-events.ts';
import { readContext } from '../../store/read/read-context.ts';

interface Kept {
  readonly createdAt: string;
  readonly conversation: KnownConversation;
  /** As it counts in the sum. */
  weight: number;
}

export interface ContextRequest {
  readonly runId: string;
  readonly position: Pick<Extract<RunPosition, { kind: 'model' }>, 'throughSeq' | 'conversation'>;
  /** Earlier runs at most. */
  readonly runs: number;
}

/**
 * The conversations of a worker's sessions, the ones used last, so that a model call reads from the store only what is
 * new since its worker's last one. Committed events never change and are only added, so nothing kept can become wrong;
 * `beginStep` says under the session's lock what was added. A session that was deleted and began afresh has another
 * creation time and shares nothing with what is kept.
 */
export class ContextCache {
  readonly #bytes: number;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #weight = 0;

  constructor(bytes: number = LIMITS.contextCacheBytes.value) {
    this.#bytes = bytes;
  }

  /** About the bytes that are kept. */
  get weight(): number {
    return this.#weight;
  }

  /** What to tell `beginStep`. */
  known(key: SessionKey): CachedPosition | null {
    const kept = this.#kept.get(workflowIdOf(key));
    return kept ? { createdAt: kept.createdAt, throughSeq: kept.conversation.through } : null;
  }

  /** What a model call is shown: from what is kept and new, or else from the store. */
  async read(db: Db, key: SessionKey, { runId, position, runs }: ContextRequest): Promise<ConversationWindow> {
    const { throughSeq, conversation: told } = position;
    const kept = this.#of(key, told.createdAt);
    if (told.newEvents) kept.conversation.follow(told.newEvents, told.since, throughSeq);
    try {
      const found = kept.conversation.window(runId, runs, throughSeq);
      if (found !== null && found !== 'beginning') return found;
      if (found === 'beginning') {
        const own = await readContext(db, key, { runId, runs: 0, throughSeq });
        for (const run of own.runs) kept.conversation.complete(run, throughSeq);
        const completed = kept.conversation.window(runId, runs, throughSeq);
        if (completed !== null && completed !== 'beginning') return completed;
      }
      const read = await readContext(db, key, { runId, runs, throughSeq });
      // What has started since is not in it, so that nothing could be told of the runs after this one.
      if (read.newest) kept.conversation.learn(read.runs, runs, throughSeq);
      const own = read.runs.find((run) => run.runId === runId)?.events ?? [];
      return { entries: transcript(read.runs.flatMap(({ events }) => events)), callIds: callIdsIn(own) };
    } finally {
      kept.conversation.trim(runId, runs);
      this.#keep(key, kept);
    }
  }

  /** Hears of what was just appended to a session, right after the event before the first of them. */
  follow(key: SessionKey, createdAt: string, events: readonly PerdureEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    const kept = this.#kept.get(workflowIdOf(key));
    if (!first || !last || kept?.createdAt !== createdAt) return;
    kept.conversation.follow(events, first.seq - 1, last.seq);
    this.#keep(key, kept);
  }

  #of(key: SessionKey, createdAt: string): Kept {
    const kept = this.#kept.get(workflowIdOf(key));
    if (kept?.createdAt === createdAt) return kept;
    return { createdAt, conversation: new KnownConversation(), weight: 0 };
  }

  #keep(key: SessionKey, kept: Kept): void {
    const id = workflowIdOf(key);
    this.#drop(id);
    kept.weight = OVERHEAD + kept.conversation.weight;
    this.#kept.set(id, kept);
    this.#weight += kept.weight;
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= this.#bytes) return;
      this.#drop(oldest);
    }
  }

  #drop(id: string): void {
    this.#weight -= this.#kept.get(id)?.weight ?? 0;
    this.#kept.delete(id);
  }
}

/** Of an entry without content. */
const OVERHEAD = 1_000;
