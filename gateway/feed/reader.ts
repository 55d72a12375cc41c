import { setTimeout as pause } from 'node:timers/promises';
import type { StreamEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import { sessionScope, type EventScope } from './event-scope.ts';
import type { FeedStore } from './feed-store.ts';
import { COMMENT, frameOf, type Frame } from './frame.ts';
import { EVENTS_PER_READ, type Hub, type Listener } from './hub.ts';
import type { BufferShare } from './buffer-share.ts';
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

/** What a reader of a feed needs beside its options. */
export interface ReaderDeps {
  readonly hub: Hub;
  readonly store: FeedStore;
  /** Shared by all readers of the user. */
  readonly buffer: BufferShare;
  readonly onClose: () => void;
}

/** `bytes`: as counted in the share; 0 if not measured. */
interface Queued {
  readonly frame: Frame;
  readonly bytes: number;
}

/**
 * One reader of a session: durable events in order, without gap or repeat, and live events after all durable ones that
 * precede them. Its queue is bounded. It starts by reading pages from the store, and joins the hub once it has all that
 * the hub has sent; a reader that falls behind returns to the store.
 */
export class Reader implements Listener {
  /** The `seq` that it started after. */
  readonly after: number;
  readonly #hub: Hub;
  readonly #store: FeedStore;
  readonly #scope: EventScope;
  readonly #durableOnly: boolean;
  readonly #buffer: BufferShare;
  readonly #onClose: () => void;
  #queue: Queued[] = [];
  /** Bytes of the queue and of the frames that the consumer took last. */
  #bytes = 0;
  #takenBytes = 0;
  /** Since when the consumer has not asked for the next frame; null while it waits for one. */
  #unreadSince: number | null = performance.now();
  /** The newest durable event that was queued or skipped. */
  #cursor: number;
  #state: 'behind' | 'joined' | 'ended' = 'behind';
  #closed = false;
  #wake: (() => void) | undefined;
  /** The attempt whose text was sent last; undefined once its step is complete. */
  #shown: { runId: string; step: number; attempt: number } | undefined;

  constructor({ hub, store, buffer, onClose }: ReaderDeps, options: ReaderOptions) {
    this.#hub = hub;
    this.#store = store;
    this.#buffer = buffer;
    this.#scope = options.scope ?? sessionScope;
    this.#durableOnly = options.durableOnly ?? false;
    this.after = options.after;
    this.#cursor = options.after;
    this.#onClose = onClose;
    // A reader that starts at the newest event needs no read.
    if (this.#cursor === hub.head) this.#join();
  }

  /** The next frames, as soon as there are any; null after the last. One call at a time. Rejects when the store fails. */
  async next(): Promise<readonly Frame[] | null> {
    return (await this.#filled()) ? this.#dequeue(this.#queue.length) : null;
  }

  /** As {@link next}, one frame at a time. */
  async nextFrame(): Promise<Frame | null> {
    return (await this.#filled()) ? (this.#dequeue(1)[0] ?? null) : null;
  }

  /** How long the consumer has not asked for more, in ms; 0 while it waits. */
  get unreadMs(): number {
    return this.#unreadSince === null ? 0 : performance.now() - this.#unreadSince;
  }

  /** Whether the session has, or has had, events. */
  get sessionExists(): boolean {
    return this.#hub.head > 0;
  }

  /** Waits for a frame; false after the last. */
  async #filled(): Promise<boolean> {
    this.#unreadSince = null;
    this.#release(this.#takenBytes);
    this.#takenBytes = 0;
    for (;;) {
      if (this.#queue.length > 0) return true;
      if (this.#state === 'ended') return false;
      if (this.#state === 'behind') await this.#catchUp();
      else await this.#untilWoken();
    }
  }

  /** Ends the reader and discards its queue; a pending `next` resolves. */
  close(): void {
    this.end();
    this.#queue = [];
    this.#takenBytes = 0;
    this.#release(this.#bytes);
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
    this.#queue.push({ frame: COMMENT, bytes: 0 });
    this.#wake?.();
  }

  offer(frame: Frame): boolean {
    const isFull = this.#queue.length >= MAX_FRAMES || this.#bytes >= MAX_BYTES;
    if (isFull || (this.#queue.length > 0 && this.#buffer.isFull)) {
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
    // A lone live frame is not measured: that would encode it before it is needed.
    const bytes = this.#state === 'joined' && this.#queue.length === 0 ? 0 : frame.bytes.length;
    this.#queue.push({ frame, bytes });
    this.#bytes += bytes;
    this.#buffer.add(bytes);
    if (this.#scope.isLast(event)) this.end();
  }

  #dequeue(count: number): readonly Frame[] {
    const taken = this.#queue.splice(0, count);
    this.#takenBytes = taken.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#unreadSince = performance.now();
    return taken.map(({ frame }) => frame);
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    if (bytes > 0) this.#buffer.remove(bytes);
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
      if (this.#buffer.isFull) return await this.#untilRoom();
      const { events } = await this.#store.readEvents(hub.key, { after: this.#cursor, limit: EVENTS_PER_READ });
      // The hub has read events that no longer exist: the session was deleted.
      if (events.length === 0) return this.end();
      for (const event of events) this.#take(frameOf(event));
    }
    if (this.#cursor === hub.head && this.#state === 'behind') this.#join();
  }

  async #untilRoom(): Promise<void> {
    const closed = this.#untilWoken();
    await Promise.race([this.#buffer.room(), closed]);
    this.#wake?.();
  }

  #join(): void {
    this.#state = 'joined';
    this.#hub.join(this);
    this.#showText();
    for (const event of this.#hub.notices.current) this.#take(frameOf(event));
  }

  /** Sends the text so far of the streaming step. */
  #showText(): void {
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
