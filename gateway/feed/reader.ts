import { setTimeout as pause } from 'node:timers/promises';
import { endsRun, type StreamEvent } from '../../contracts/session/event.ts';
import type { FeedStore } from './feed-store.ts';
import { followSession, type Follow } from './follow.ts';
import { COMMENT, frameOf, type Frame } from './frame.ts';
import { PAGE, type Hub, type Listener } from './hub.ts';
import { retell } from './speech.ts';

/** A reader that is this far behind gives up its place and catches up from the store. */
const MAX_FRAMES = 512;
const MAX_BYTES = 1024 * 1024;
/** Before the store is asked again for an event that the hub could not read. */
const RETRY_MS = 500;

export interface ReaderOptions {
  /** The last event that the reader has; 0 for none. */
  readonly after: number;
  /** Default: the whole session. */
  readonly follow?: Follow;
  /** Leaves deltas, progress and comments out. */
  readonly durableOnly?: boolean;
}

/**
 * One reader of a session: durable events in order without gap or repeat, and what is live after all that
 * precedes it. It holds a bounded queue; one that reads slowly falls back to pages of the store, where it
 * begins anyway, and joins the hub again when it has all that the hub told.
 */
export class Reader implements Listener {
  readonly #hub: Hub;
  readonly #store: FeedStore;
  readonly #follow: Follow;
  readonly #durableOnly: boolean;
  readonly #onClose: () => void;
  #queue: Frame[] = [];
  #bytes = 0;
  /** The newest durable event that was queued or passed over. */
  #cursor: number;
  #state: 'behind' | 'joined' | 'ended' = 'behind';
  #closed = false;
  #wake: (() => void) | undefined;
  /** The try whose text was given last, until its step is done. */
  #shown: { runId: string; step: number; attempt: number } | undefined;

  constructor(hub: Hub, store: FeedStore, options: ReaderOptions, onClose: () => void) {
    this.#hub = hub;
    this.#store = store;
    this.#follow = options.follow ?? followSession;
    this.#durableOnly = options.durableOnly ?? false;
    this.#cursor = options.after;
    this.#onClose = onClose;
    // One that begins at the newest event needs nothing of the store.
    if (this.#cursor === hub.head) this.#join();
  }

  /** What there is, as soon as there is something; null after the last. Not to be called again before it resolves. Rejects when the store fails. */
  async next(): Promise<readonly Frame[] | null> {
    for (;;) {
      if (this.#queue.length > 0) return this.#takeQueue();
      if (this.#state === 'ended') return null;
      if (this.#state === 'behind') await this.#catchUp();
      else await this.#somethingNew();
    }
  }

  /** Ends the reader; a pending `next` resolves. */
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

  /** A comment, for a reader who has not been sent anything for a while. */
  beat(): void {
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
    if (!this.#follow.wants(event)) return;
    this.#remember(event);
    this.#queue.push(frame);
    // What is read at once is not weighed: weighing would encode it.
    if (this.#queue.length > 1) this.#bytes += frame.bytes.length;
    if (this.#follow.endsWith(event)) this.end();
  }

  #takeQueue(): readonly Frame[] {
    const frames = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    return frames;
  }

  async #somethingNew(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** Takes one page of the store; joins the hub when both have the same newest event. */
  async #catchUp(): Promise<void> {
    const hub = this.#hub;
    // A bell was lost on the way to the hub. What is live must not come from one that knows less.
    if (hub.head < this.#cursor) {
      await hub.reach(this.#cursor);
      if (hub.head < this.#cursor) await pause(RETRY_MS, undefined, { ref: false });
      return;
    }
    if (this.#cursor < hub.head) {
      const { events } = await this.#store.readEvents(hub.key, { after: this.#cursor, limit: PAGE });
      // Nothing where the hub had read something: the session was deleted.
      if (events.length === 0) return this.end();
      for (const event of events) this.#take(frameOf(event));
    }
    if (this.#cursor === hub.head && this.#state === 'behind') this.#join();
  }

  #join(): void {
    this.#state = 'joined';
    this.#hub.join(this);
    const { speech } = this.#hub;
    if (speech === null) return;
    const from = { at: new Date().toISOString(), sessionId: this.#hub.key.session };
    const shown = this.#shown;
    const sameStep = shown?.runId === speech.runId && shown.step === speech.step;
    if (sameStep && (shown.attempt < speech.attempt || speech.retracted)) {
      this.#take(frameOf({ type: 'step.retracted', ...from, ...shown }));
    }
    for (const event of retell(speech, from)) this.#take(frameOf(event));
  }

  /** Keeps what is needed to void text that was given before the reader fell behind. */
  #remember(event: StreamEvent): void {
    if (event.type === 'message.delta' || event.type === 'reasoning.delta') {
      const { runId, step, attempt } = event;
      this.#shown = { runId, step, attempt };
    } else if (event.type === 'step.retracted' || event.type === 'message.completed' || endsRun(event.type)) {
      this.#shown = undefined;
    }
  }
}
