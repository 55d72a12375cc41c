import { endsRun, type LiveEvent, type PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage, Subscription } from '../../live/live-channel.ts';
import type { FeedStore } from './feed-store.ts';
import { frameOf, type Frame } from './frame.ts';
import { RunProgress, type Verdict } from './run-progress.ts';
import { hear, hearRetracted, hearSoFar, type Heard, type Speech } from './speech.ts';

/** Events that are read at once. */
export const PAGE = 200;
/** What may wait while the store is read. Beyond it live messages are dropped; their text is asked for again. */
const MAX_INBOX = 5_000;

/** Who a hub tells. */
export interface Listener {
  /** In order. False: it cannot take more and has left. */
  offer(frame: Frame): boolean;
  /** The session is gone, or the hub is. */
  end(): void;
}

/**
 * One session's feed within a gateway: one subscription and one serial loop that turns bells into events
 * of the store, keeps the text so far of the step that speaks, and tells every listener the same frames.
 */
export class Hub {
  readonly key: SessionKey;
  /** The newest event that the listeners were told. */
  head = 0;
  /** The text so far. */
  speech: Speech | null = null;

  readonly #store: FeedStore;
  readonly #live: LiveChannel;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Set<() => void>();
  readonly #progress = new RunProgress();
  #inbox: (() => Promise<void> | undefined)[] = [];
  #busy = true;
  #closed = false;
  #subscription: Subscription | undefined;
  /** Text was missed, and the producer has been asked. */
  #asked = false;
  /** The last try that the store called over: its other deltas need no look. */
  #refused = '';

  constructor(key: SessionKey, store: FeedStore, live: LiveChannel) {
    this.key = key;
    this.#store = store;
    this.#live = live;
  }

  /** Whether it tells nothing any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Begins at the store's head, which is returned: null when there is no such session. */
  async start(): Promise<number | null> {
    const subscription = await this.#live.subscribe(this.key, (message) => this.#receive(message));
    if (this.#closed) subscription.close();
    else this.#subscription = subscription;
    const [head = null] = await this.#store.readHeads([this.key]);
    this.head = head ?? 0;
    // Someone may be in the middle of a text that this hub came too late for.
    this.#live.publish(this.key, { kind: 'resend-text' });
    this.#busy = false;
    this.#drain();
    return head;
  }

  /** Tells a listener everything from now on. It must have been told all up to `head`, and then tells itself the text so far. */
  join(listener: Listener): void {
    this.#listeners.add(listener);
  }

  leave(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Resolves when the hub has tried to read up to `seq`. */
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

  /** Takes what a look in the store found, in case a bell was lost. `headBefore`: the hub's head when the look began. */
  looked(found: number | null, headBefore: number): void {
    // The session was deleted, and perhaps begun afresh: its readers must begin afresh too.
    if (headBefore > 0 && (found ?? 0) < headBefore) return this.close();
    if (found !== null && found > this.head) void this.reach(found);
    if (this.#asked) this.#ask();
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

  /** One at a time and in order; without a wait where none is needed, so that a delta passes through at once. */
  #drain(): void {
    while (!this.#busy && !this.#closed) {
      const work = this.#inbox.shift();
      if (work === undefined) return;
      const reading = work();
      if (reading === undefined) continue;
      this.#busy = true;
      const goOn = (): void => {
        this.#busy = false;
        this.#drain();
      };
      // A read that fails is made good by the next bell or look.
      reading.then(goOn, goOn);
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
        const from = { at: new Date().toISOString(), sessionId: this.key.session };
        return this.#inItsTime(
          () => this.#progress.ofStep(soFar.runId, soFar.step),
          soFar,
          () => {
            this.#asked = false;
            this.#heard(hearSoFar(this.speech, soFar, from));
          },
        );
      }
      default:
        return undefined;
    }
  }

  /** Whether the events that came with a bell go on from the head without a gap. */
  #takeAppended(events: readonly PerdureEvent[]): boolean {
    const first = events[0];
    if (first === undefined || first.seq > this.head + 1) return false;
    for (const event of events) if (event.seq > this.head) this.#tellDurable(event);
    return true;
  }

  #readTo(seq: number): Promise<void> | undefined {
    return this.head >= seq ? undefined : this.#readOn();
  }

  /** Reads to the end of what the store has. */
  async #readOn(): Promise<void> {
    for (;;) {
      const { events } = await this.#store.readEvents(this.key, { after: this.head, limit: PAGE });
      if (this.#closed) return;
      for (const event of events) this.#tellDurable(event);
      if (events.length < PAGE) return;
    }
  }

  #takeLive(event: LiveEvent): Promise<void> | undefined {
    switch (event.type) {
      case 'tool.progress':
        return this.#inItsTime(
          () => this.#progress.ofCall(event.runId, event.step, event.callId),
          { ...event, attempt: 0 },
          () => this.#tell(frameOf(event)),
        );
      case 'step.retracted':
        return this.#inItsTime(
          () => this.#progress.ofStep(event.runId, event.step),
          event,
          () => this.#heard(hearRetracted(this.speech, event)),
        );
      default:
        return this.#inItsTime(
          () => this.#progress.ofStep(event.runId, event.step),
          event,
          () => this.#heard(hear(this.speech, event)),
        );
    }
  }

  /** Does `then` after all durable events that precede it, and not at all when its step is done. */
  #inItsTime(
    verdict: () => Verdict,
    position: { runId: string; step: number; attempt: number },
    then: () => void,
  ): Promise<void> | undefined {
    switch (verdict()) {
      case 'now':
        then();
        return undefined;
      case 'over':
        return undefined;
      case 'unknown':
        return this.#afterLook(verdict, position, then);
    }
  }

  async #afterLook(
    verdict: () => Verdict,
    position: { runId: string; step: number; attempt: number },
    then: () => void,
  ): Promise<void> {
    const { runId, step, attempt } = position;
    const name = `${runId} ${step} ${attempt}`;
    if (name === this.#refused) return;
    await this.#readOn();
    if (verdict() === 'unknown') {
      const run = await this.#store.readRun(this.key, runId);
      if (run !== null) this.#progress.learn(run);
      // The run was read after the events, and may have gone on between.
      await this.#readOn();
    }
    if (this.#closed) return;
    if (verdict() === 'over' || this.#progress.ended(runId)) this.#refused = name;
    else then();
  }

  #heard({ speech, events, gap }: Heard): void {
    this.speech = speech;
    for (const event of events) this.#tell(frameOf(event));
    if (!gap && events.length > 0) this.#asked = false;
    if (gap && !this.#asked) this.#ask();
  }

  #ask(): void {
    this.#asked = true;
    this.#live.publish(this.key, { kind: 'resend-text' });
  }

  #tellDurable(event: PerdureEvent): void {
    this.head = event.seq;
    this.#progress.note(event);
    const said = this.speech;
    if (said !== null && 'runId' in event && event.runId === said.runId) {
      const completes = event.type === 'message.completed' && event.step >= said.step;
      if (completes || endsRun(event.type)) {
        this.speech = null;
        this.#asked = false;
      }
    }
    this.#tell(frameOf(event));
  }

  #tell(frame: Frame): void {
    for (const listener of this.#listeners) if (!listener.offer(frame)) this.#listeners.delete(listener);
  }
}
