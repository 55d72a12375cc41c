import { coalesce } from './coalesce.ts';
import type { LiveMessage } from './live-channel.ts';

/** The longest queue of messages. When it is full, new messages are dropped, except control messages. */
const MAX_QUEUED = 10_000;

export interface Queued {
  readonly topic: string;
  message: LiveMessage;
}

export interface SendQueueOptions<Entry extends Queued> {
  /** Sends a batch. Never rejects. */
  readonly sendBatch: (batch: readonly Entry[]) => Promise<void>;
  /** Whether a batch can be sent now. Default: always. */
  readonly canSend?: () => boolean;
  /** Whether an entry may be merged with the one before it of its topic. Default: always. */
  readonly mayMerge?: (earlier: Entry, later: Entry) => boolean;
}

/**
 * Sends messages in batches: those that arrive while a batch is being sent form the next one, and queued messages of a topic are
 * coalesced.
 */
export class SendQueue<Entry extends Queued> {
  readonly #options: SendQueueOptions<Entry>;
  #queue: Entry[] = [];
  /** The last queued message of each topic, with which the next one may be coalesced. */
  #newestByTopic = new Map<string, Entry>();
  #sending: Promise<void> | undefined;

  constructor(options: SendQueueOptions<Entry>) {
    this.#options = options;
  }

  /** Never throws and never blocks. */
  push(entry: Entry): void {
    const { mayMerge = () => true } = this.#options;
    const newest = this.#newestByTopic.get(entry.topic);
    const merged = newest && mayMerge(newest, entry) ? coalesce(newest.message, entry.message) : undefined;
    if (newest !== undefined && merged !== undefined) {
      newest.message = merged;
      return;
    }
    if (this.#queue.length >= MAX_QUEUED && entry.message.kind !== 'control') return;
    this.#queue.push(entry);
    this.#newestByTopic.set(entry.topic, entry);
    // Deferred, so that messages published synchronously share a batch.
    if (this.#queue.length === 1) queueMicrotask(() => this.pump());
  }

  /** Sends what is queued, unless a batch is on its way. */
  pump(): void {
    const { sendBatch, canSend = () => true } = this.#options;
    if (this.#sending !== undefined || this.#queue.length === 0 || !canSend()) return;
    const batch = this.#queue;
    this.#queue = [];
    this.#newestByTopic = new Map();
    this.#sending = sendBatch(batch).finally(() => {
      this.#sending = undefined;
      this.pump();
    });
  }

  /** Resolves when what was pushed before is sent, or cannot be sent now. */
  async flushed(): Promise<void> {
    const { canSend = () => true } = this.#options;
    while (canSend() && (this.#sending !== undefined || this.#queue.length > 0)) {
      this.pump();
      await this.#sending;
    }
  }
}
