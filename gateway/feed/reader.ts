import { setTimeout as pause } from 'node:timers/promises';
import { endsRun, type StreamEvent } from '../../contracts/session/event.ts';
import { sessionScope, type EventScope } from './event-scope.ts';
import type { FeedStore } from './feed-store.ts';
import { COMMENT, frameOf, type Frame } from './frame.ts';
import { EVENTS_PER_READ, type Hub, type Listener } from './hub.ts';
import { snapshotDeltas } from './live-text.ts';

/** A reader with more in its queue leaves the hub and catches up from the store. */
const MAX_FRAMES = 512;
const MAX_BYTES = 1024 * 1024;
/** Pause before the store is read again for an event that the hub could not read. */
const RETRY_MS = 500;

export interface ReaderOptions {
  /** `seq` of the last event that the reader has; 0 for none. */
  readonly after: number;
  /** Default: the whole session. */
  readonly scope?: EventScope;
  /** Skips deltas, progress and comments. */
  readonly durableOnly?: boolean;
}

/**
 * One reader of a session: durable events in order, without gap or repeat, and live events after all durable ones that
 * precede them. Its queue is bounded. It starts by reading pages from the store, and joins the hub once it has all that
 * the hub has sent; a reader that falls behind returns to the store.
 */
export class Reader implements Listener {
  readonly #hub: Hub;
  readonly #store: FeedStore;
  readonly #scope: EventScope;
  readonly #durableOnly: boolean;
  readonly #onClose: () => void;
  #queue: Frame[] = [];
  #bytes = 0;
  /** The newest durable event that was queued or skipped. */
  #cursor: number;
  #state: 'behind' | 'joined' | 'ended' = 'behind';
  #closed = false;
  #wake: (() => void) | undefined;
  /** The attempt whose text was sent last; undefined once its step is complete. */
  #shown: { runId: string; step: number; attempt: number } | undefined;

  constructor(hub: Hub, store: FeedStore, options: ReaderOptions, onClose: () => void) {
    this.#hub = hub;
    this.#store = store;
    this.#scope = options.scope ?? sessionScope;
    this.#durableOnly = options.durableOnly ?? false;
    this.#cursor = options.after;
    this.#onClose = onClose;
    // A reader that starts at the newest event needs no read.
    if (this.#cursor === hub.head) this.#join();
  }

  /** The next frames, as soon as there are any; null after the last. One call at a time. Rejects when the store fails. */
  async next(): Promise<readonly Frame[] | null> {
    for (;;) {
      if (this.#queue.length > 0) return this.#takeQueue();
      if (this.#state === 'ended') return null;
      if (this.#state === 'behind') await this.#catchUp();
      else await this.#untilWoken();
    }
  }

  /** Ends the reader and discards its queue; a pending `next` resolves. */
  close(): void {
    this.end();
    this.#queue = [];
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  end(): void {
    this.#state = 'ended';
    this.#hub.leave(this);
    this.#wake?.();
  }

  /** Queues a comment if the queue is empty, so that the connection is not idle. */
  keepAlive(): void {
    if (this.#queue.length > 0 || this.#state === 'ended' || this.#durableOnly) return;
    this.#queue.push(COMMENT);
    this.#wake?.();
  }

  offer(frame: Frame): boolean {
    if (this.#queue.length >= MAX_FRAMES || this.#bytes >= MAX_BYTES) {
      this.#state = 'behind';
      return false;
    }
    this.#take(frame);
    this.#wake?.();
    return true;
  }

  #take(frame: Frame): void {
    const { event } = frame;
    if (event === null || this.#state === 'ended') return;
    if ('seq' in event) {
      if (event.seq <= this.#cursor) return;
      this.#cursor = event.seq;
    } else if (this.#durableOnly) {
      return;
    }
    if (!this.#scope.includes(event)) return;
    this.#trackShown(event);
    this.#queue.push(frame);
    // A lone frame is not measured: that would encode it before it is needed.
    if (this.#queue.length > 1) this.#bytes += frame.bytes.length;
    if (this.#scope.isLast(event)) this.end();
  }

  #takeQueue(): readonly Frame[] {
    const frames = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    return frames;
  }

  async #untilWoken(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** Reads one page from the store, and joins the hub when both have the same newest event. */
  async #catchUp(): Promise<void> {
    const hub = this.#hub;
    // The hub has missed a notification. Joining it now would put its live events after events that it has not received.
    if (hub.head < this.#cursor) {
      await hub.reach(this.#cursor);
      if (hub.head < this.#cursor) await pause(RETRY_MS, undefined, { ref: false });
      return;
    }
    if (this.#cursor < hub.head) {
      const { events } = await this.#store.readEvents(hub.key, { after: this.#cursor, limit: EVENTS_PER_READ });
      // The hub has read events that no longer exist: the session was deleted.
      if (events.length === 0) return this.end();
      for (const event of events) this.#take(frameOf(event));
    }
    if (this.#cursor === hub.head && this.#state === 'behind') this.#join();
  }

  #join(): void {
    this.#state = 'joined';
    this.#hub.join(this);
    const { liveText } = this.#hub;
    if (liveText === null) return;
    const envelope = { at: new Date().toISOString(), sessionId: this.#hub.key.session };
    const shown = this.#shown;
    const sameStep = shown?.runId === liveText.runId && shown.step === liveText.step;
    if (sameStep && (shown.attempt < liveText.attempt || liveText.retracted)) {
      this.#take(frameOf({ type: 'step.retracted', ...envelope, ...shown }));
    }
    for (const event of snapshotDeltas(liveText, envelope)) this.#take(frameOf(event));
  }

  /** Tracks which text the reader has, to retract it if the reader misses its retraction. */
  #trackShown(event: StreamEvent): void {
    if (event.type === 'message.delta' || event.type === 'reasoning.delta') {
      const { runId, step, attempt } = event;
      this.#shown = { runId, step, attempt };
    } else if (event.type === 'step.retracted' || event.type === 'message.completed' || endsRun(event.type)) {
      this.#shown = undefined;
    }
  }
}
