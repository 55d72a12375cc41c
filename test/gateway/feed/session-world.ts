import type { LiveEvent, PerdureEvent } from '../../../contracts/events/event.ts';
import { UNKNOWN_USAGE, type RunDetail } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { FeedStore } from '../../../gateway/feed/feed-store.ts';
import { createInProcessLive } from '../../../live/in-process.ts';
import type { LiveChannel, LiveMessage } from '../../../live/live-channel.ts';

export const KEY: SessionKey = { user: 'ann', session: 'main' };
export const AT = '2026-01-01T00:00:00.000Z';

type NewEvent = PerdureEvent extends infer E
  ? E extends PerdureEvent
    ? Omit<E, 'seq' | 'at' | 'sessionId'>
    : never
  : never;

/** One session: its durable events, and a producer that streams text step by step. */
export class SessionWorld {
  readonly events: PerdureEvent[] = [];
  readonly live: LiveChannel = createInProcessLive();
  deleted = false;
  #run = 0;
  #step = 0;
  #attempt = 0;
  #text = '';
  #phase: 'idle' | 'streaming' | 'tool' = 'idle';

  constructor() {
    this.append({ type: 'session.opened', agent: 'assistant' });
    void this.live.subscribe(KEY, (message) => {
      if (message.kind !== 'resend-text' || this.#phase !== 'streaming') return;
      const { runId, step, attempt } = this.#position();
      this.live.publish(KEY, { kind: 'soFar', soFar: { runId, step, attempt, reasoning: '', text: this.#text } });
    });
  }

  get head(): number {
    return this.events.length;
  }

  readonly store: FeedStore = {
    readEvents: async (_key, { after, limit }) =>
      this.#later({ events: this.events.slice(after, after + limit), more: after + limit < this.head }),
    readHeads: async (keys) => this.#later(keys.map(() => (this.deleted ? null : this.head))),
    readHoldups: async (keys) => keys.map(() => null),
    hasWorkers: async () => true,
    readRun: async (_key, runId) => this.#later(this.#readRun(runId)),
  };

  /** Appends in one transaction, then publishes the notification. */
  append(...events: readonly NewEvent[]): void {
    const numbered = events.map((event, index) => {
      return { ...event, seq: this.head + index + 1, at: AT, sessionId: KEY.session };
    });
    this.events.push(...numbered);
    this.#publish({ kind: 'appended', head: this.head, events: numbered });
  }

  /** Appends a queued message. */
  receive(): void {
    const messageId = `m${this.head}`;
    this.append({
      type: 'message.received',
      runId: `later${this.head}`,
      messageId,
      content: 'hi',
      disposition: 'queued',
    });
  }

  /** Streams a few more characters; starts a run or a step if none is open. */
  stream(length: number): void {
    if (this.#phase === 'idle') this.#beginRun();
    if (this.#phase === 'tool') this.#finishTool();
    const { runId, step, attempt } = this.#position();
    const full = `${runId}.${step}.${attempt}:${'abcdefghijklmnopqrstuvwxyz'.repeat(20)}`;
    const delta = full.slice(this.#text.length, this.#text.length + length);
    const event: LiveEvent = {
      type: 'message.delta',
      at: AT,
      sessionId: KEY.session,
      ...this.#position(),
      offset: this.#text.length,
      delta,
    };
    this.#text += delta;
    this.#publish({ kind: 'live', event });
  }

  /** Starts another attempt of the model call; sometimes retracts the previous one. */
  retry(retracts: boolean): void {
    if (this.#phase !== 'streaming') return;
    const position = this.#position();
    this.#attempt += 1;
    this.#text = '';
    if (retracts)
      this.#publish({ kind: 'live', event: { type: 'step.retracted', at: AT, sessionId: KEY.session, ...position } });
  }

  /** Publishes a late delta of the previous attempt. */
  publishLate(): void {
    const { runId, step, attempt } = this.#position();
    if (this.#phase !== 'streaming' || attempt === 1) return;
    const old = { runId, step, attempt: attempt - 1, offset: 0, delta: `${runId}.${step}.${attempt - 1}:old` };
    this.#publish({ kind: 'live', event: { type: 'message.delta', at: AT, sessionId: KEY.session, ...old } });
  }

  /** Commits the step, which calls a tool or ends the run. */
  commit(callsTool: boolean): void {
    if (this.#phase !== 'streaming') return;
    const { runId, step, attempt } = this.#position();
    const completed: NewEvent = {
      type: 'message.completed',
      runId,
      step,
      attempt,
      text: this.#text,
      finish: callsTool ? 'tool_calls' : 'stop',
      partial: false,
      model: 'test',
      usage: null,
      throughSeq: 0,
      firstTokenMs: null,
      durationMs: 1,
    };
    if (callsTool) {
      this.#phase = 'tool';
      this.append(completed, { type: 'tool.called', runId, step, callId: `c${step}`, tool: 't', arguments: {} });
    } else {
      this.#phase = 'idle';
      this.append(completed, { type: 'run.completed', runId, output: this.#text, steps: step, usage: UNKNOWN_USAGE });
    }
  }

  /** Ends the open run and the session. */
  finish(): void {
    if (this.#phase === 'tool') this.stream(3);
    this.commit(false);
    this.append({ type: 'session.ended', status: 'completed', reason: null });
  }

  #beginRun(): void {
    this.#run += 1;
    this.#phase = 'streaming';
    this.#step = 1;
    this.#attempt = 1;
    this.#text = '';
    const runId = `r${this.#run}`;
    this.append({ type: 'message.received', runId, messageId: `${runId}m`, content: 'hi', disposition: 'started' });
    this.append({ type: 'run.started', runId, agent: 'assistant', agentVersion: 'v', model: 'test' });
  }

  #finishTool(): void {
    const call = { runId: `r${this.#run}`, step: this.#step, callId: `c${this.#step}`, tool: 't' };
    this.append({ type: 'tool.completed', ...call, result: 1, attempts: 1, durationMs: 1 });
    this.#phase = 'streaming';
    this.#step += 1;
    this.#attempt = 1;
    this.#text = '';
  }

  #position(): { runId: string; step: number; attempt: number } {
    return { runId: `r${this.#run}`, step: this.#step, attempt: this.#attempt };
  }

  /** Delays a result, which may then be outdated. */
  async #later<T>(result: T): Promise<T> {
    await new Promise((resolve) => void setImmediate(resolve));
    return result;
  }

  #publish(message: LiveMessage): void {
    this.live.publish(KEY, message);
  }

  #readRun(id: string): RunDetail | null {
    const events = this.events.filter((event) => 'runId' in event && event.runId === id);
    if (!events.some(({ type }) => type === 'run.started')) return null;
    const steps = events.filter((event) => event.type === 'message.completed');
    const closed = new Set(events.flatMap((event) => (event.type === 'tool.completed' ? [event.callId] : [])));
    const calls = events.filter((event) => event.type === 'tool.called');
    return {
      id,
      status: events.some(({ type }) => type === 'run.completed') ? 'completed' : 'running',
      stepList: steps.map(({ step, attempt }) => ({ step, attempts: attempt, committed: true })),
      toolCalls: calls.map(({ callId }) => ({ callId, status: closed.has(callId) ? 'completed' : 'pending' })),
    } as unknown as RunDetail;
  }
}

/**
 * A gateway's end of the channel. `loses` decides for each message whether it is lost; notifications have no events, as
 * between processes.
 */
export function lossyEnd(live: LiveChannel, loses: () => boolean): LiveChannel {
  return {
    ...live,
    publish(key, message) {
      if (!loses()) live.publish(key, message);
    },
    subscribe: async (key, listener) =>
      live.subscribe(key, (message) => {
        if (loses()) return;
        listener(message.kind === 'appended' ? { kind: 'appended', head: message.head } : message);
      }),
  };
}
