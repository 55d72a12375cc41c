import type { LiveEvent, PerdureEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import type { Pause } from '../../contracts/admin/pause.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage, Subscription } from '../../live/live-channel.ts';
import type { FeedStore } from './feed-store.ts';
import { frameOf, type Frame } from './frame.ts';
import { applyRetraction, applySnapshot, applyTextDelta, type LiveText, type TextUpdate } from './live-text.ts';
import type { RunHoldup } from '../../store/read/read-run-holdups.ts';
import { RunNotices } from './run-notices.ts';
import { RunProgress, type LiveTiming } from './run-progress.ts';

/** Events to read from the store at once. */
export const EVENTS_PER_READ = 200;
/** Messages that may wait while the store is read. Beyond it live messages are dropped; a snapshot restores their text. */
const MAX_INBOX = 5_000;

/** Receives the frames of a hub. */
export interface Listener {
  /** Called in order. Returns false when the listener is full and has left the hub. */
  offer(frame: Frame): boolean;
  /** The session was deleted, or the hub was closed. */
  end(): void;
}

type Position = { readonly runId: string; readonly step: number; readonly attempt: number };

/**
 * The feed of one session within a gateway: one subscription to the live channel and one serial loop. It reads the
 * events that notifications announce, keeps the text of the streaming step, and sends the same frames to all listeners.
 */
export class Hub {
  readonly key: SessionKey;
  /** The newest durable event that was sent to the listeners. */
  head = 0;
  /** The text so far of the streaming step. */
  liveText: LiveText | null = null;
  /** Why the open run makes no progress. */
  readonly notices = new RunNotices();

  readonly #store: FeedStore;
  readonly #live: LiveChannel;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Set<() => void>();
  readonly #progress = new RunProgress();
  #inbox: (() => Promise<void> | undefined)[] = [];
  #busy = true;
  #closed = false;
  #subscription: Subscription | undefined;
  /** Text is missing, and a snapshot was requested from the producer. */
  #snapshotRequested = false;
  /** The last attempt that the store showed to be past; its other deltas need no read. */
  #pastAttempt = '';

  constructor(key: SessionKey, store: FeedStore, live: LiveChannel) {
    this.key = key;
    this.#store = store;
    this.#live = live;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts at the newest event in the store and returns its `seq`; null when there is no such session. */
  async start(): Promise<number | null> {
    const subscription = await this.#live.subscribe(this.key, (message) => this.#receive(message));
    if (this.#closed) subscription.close();
    else this.#subscription = subscription;
    const [head = null] = await this.#store.readHeads([this.key]);
    this.head = head ?? 0;
    // A step may be streaming already, whose text so far this hub has missed.
    const soFar = (await this.#live.readText?.(this.key)) ?? null;
    if (soFar === null) this.#live.publish(this.key, { kind: 'resend-text' });
    else this.#inbox.unshift(() => this.#handle({ kind: 'soFar', soFar }));
    this.#busy = false;
    this.#drain();
    return head;
  }

  /** Adds a listener for all future frames. It must have all events up to `head`, and takes `liveText` by itself. */
  join(listener: Listener): void {
    this.#listeners.add(listener);
  }

  leave(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Resolves after an attempt to read up to `seq`. */
  async reach(seq: number): Promise<void> {
    if (this.head >= seq || this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    this.#inbox.push(() => {
      const reading = this.#readTo(seq);
      if (reading === undefined) resolve();
      return reading?.finally(resolve);
    });
    this.#drain();
    await promise;
    this.#waiting.delete(resolve);
  }

  /** Applies the result of a poll, which makes up for lost notifications. `headBefore`: the hub's head when the poll started. */
  applyPolledHead(polled: number | null, headBefore: number): void {
    // The session was deleted, and possibly created again: readers must start again too.
    if (headBefore > 0 && (polled ?? 0) < headBefore) return this.close();
    if (polled !== null && polled > this.head) void this.reach(polled);
    if (this.#snapshotRequested) this.#requestSnapshot();
  }

  /** Applies what holds up the open run, read from the store while the hub's newest event was `head`. */
  applyHoldup(
    holdup: RunHoldup | null,
    { head, hasWorkers, pauses }: { head: number; hasWorkers: boolean; pauses: readonly Pause[] },
  ): void {
    // Newer events have been sent since; the next poll follows soon.
    if (this.#closed || head !== this.head) return;
    const events = this.notices.applyHoldup(holdup, {
      sessionId: this.key.session,
      at: new Date().toISOString(),
      hasWorkers,
      pauses,
    });
    for (const event of events) this.#send(frameOf(event));
  }

  /** Makes up for deltas that may have been lost. */
  recoverText(): void {
    if (this.liveText !== null && !this.#closed) this.#requestSnapshot();
  }

  close(): void {
    this.#closed = true;
    this.#inbox = [];
    this.#subscription?.close();
    for (const resolve of this.#waiting) resolve();
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }

  #receive(message: LiveMessage): void {
    if (this.#closed || message.kind === 'control' || message.kind === 'resend-text') return;
    if (this.#inbox.length >= MAX_INBOX && message.kind !== 'appended') return;
    this.#inbox.push(() => this.#handle(message));
    this.#drain();
  }

  /** Processes the inbox serially. Synchronous where no read is needed, so that deltas pass without delay. */
  #drain(): void {
    while (!this.#busy && !this.#closed) {
      const work = this.#inbox.shift();
      if (work === undefined) return;
      const reading = work();
      if (reading === undefined) continue;
      this.#busy = true;
      const proceed = (): void => {
        this.#busy = false;
        this.#drain();
      };
      // The next notification or poll makes up for a failed read.
      reading.then(proceed, proceed);
    }
  }

  #handle(message: LiveMessage): Promise<void> | undefined {
    switch (message.kind) {
      case 'appended':
        return this.#takeAppended(message.events ?? []) ? undefined : this.#readTo(message.head);
      case 'live':
        return this.#takeLive(message.event);
      case 'soFar': {
        const { soFar } = message;
        const envelope = { at: new Date().toISOString(), sessionId: this.key.session };
        return this.#inOrder(
          () => this.#progress.timingOfStep(soFar.runId, soFar.step),
          soFar,
          () => {
            this.#snapshotRequested = false;
            this.#applyText(applySnapshot(this.liveText, soFar, envelope));
          },
        );
      }
      default:
        return undefined;
    }
  }

  /** Takes the events that a notification carries. False when they leave a gap after the head. */
  #takeAppended(events: readonly PerdureEvent[]): boolean {
    const first = events[0];
    if (first === undefined || first.seq > this.head + 1) return false;
    for (const event of events) if (event.seq > this.head) this.#sendDurable(event);
    return true;
  }

  #readTo(seq: number): Promise<void> | undefined {
    return this.head >= seq ? undefined : this.#readNew();
  }

  /** Reads and sends all events after the head. */
  async #readNew(): Promise<void> {
    for (;;) {
      const { events, more } = await this.#store.readEvents(this.key, { after: this.head, limit: EVENTS_PER_READ });
      if (this.#closed) return;
      for (const event of events) this.#sendDurable(event);
      if (!more) return;
    }
  }

  #takeLive(event: LiveEvent): Promise<void> | undefined {
    switch (event.type) {
      case 'tool.progress':
        return this.#inOrder(
          () => this.#progress.timingOfCall(event.runId, event.step, event.callId),
          { ...event, attempt: 0 },
          () => this.#send(frameOf(event)),
        );
      case 'step.retracted':
        return this.#inOrder(
          () => this.#progress.timingOfStep(event.runId, event.step),
          event,
          () => this.#applyText(applyRetraction(this.liveText, event)),
        );
      case 'attempt.failed':
        return this.#inOrder(
          () => this.#progress.timingOfStep(event.runId, event.step),
          event,
          () => {
            if (this.notices.applyFailure(event)) this.#send(frameOf(event));
          },
        );
      // Comes from the store: see `applyHoldup`.
      case 'run.waiting':
        return undefined;
      case 'message.delta':
      case 'reasoning.delta':
        return this.#inOrder(
          () => this.#progress.timingOfStep(event.runId, event.step),
          event,
          () => this.#applyText(applyTextDelta(this.liveText, event)),
        );
      default:
        event satisfies never;
        return undefined;
    }
  }

  /** Calls `then` after all durable events that precede it; not at all when its step is past. */
  #inOrder(timing: () => LiveTiming, position: Position, then: () => void): Promise<void> | undefined {
    switch (timing()) {
      case 'current':
        then();
        return undefined;
      case 'past':
        return undefined;
      case 'unknown':
        return this.#afterReading(timing, position, then);
    }
  }

  async #afterReading(timing: () => LiveTiming, { runId, step, attempt }: Position, then: () => void): Promise<void> {
    const name = `${runId} ${step} ${attempt}`;
    if (name === this.#pastAttempt) return;
    await this.#readNew();
    if (timing() === 'unknown') {
      const run = await this.#store.readRun(this.key, runId);
      if (run !== null) this.#progress.loadRun(run);
      // Between the two reads the run may have appended more events.
      await this.#readNew();
    }
    if (this.#closed) return;
    if (timing() === 'past' || this.#progress.hasEnded(runId)) this.#pastAttempt = name;
    else then();
  }

  #applyText({ text, events, gap }: TextUpdate): void {
    this.liveText = text;
    for (const event of events) {
      this.notices.recordEvent(event);
      this.#send(frameOf(event));
    }
    if (!gap && events.length > 0) this.#snapshotRequested = false;
    if (gap && !this.#snapshotRequested) this.#requestSnapshot();
  }

  #requestSnapshot(): void {
    this.#snapshotRequested = true;
    this.#live.publish(this.key, { kind: 'resend-text' });
  }

  #sendDurable(event: PerdureEvent): void {
    this.head = event.seq;
    this.#progress.recordEvent(event);
    this.notices.recordEvent(event);
    const text = this.liveText;
    if (text !== null && 'runId' in event && event.runId === text.runId) {
      const completes = event.type === 'message.completed' && event.step >= text.step;
      if (completes || endsRun(event.type)) {
        this.liveText = null;
        this.#snapshotRequested = false;
      }
    }
    this.#send(frameOf(event));
  }

  #send(frame: Frame): void {
    for (const listener of this.#listeners) if (!listener.offer(frame)) this.#listeners.delete(listener);
  }
}
