import type { LiveEvent } from '../../contracts/events/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

type Kind = 'text' | 'reasoning';
type AttemptFailed = Extract<LiveEvent, { type: 'attempt.failed' }>;

/**
 * Publishes on the live channel what one attempt of a step produces. Keeps the text, for readers who subscribe late and
 * for the partial reply that a cancel commits.
 */
export class StepStream {
  readonly #live: LiveChannel;
  readonly #key: SessionKey;
  readonly #runId: string;
  #step = 0;
  /** 0 while no attempt is streaming. */
  #attempt = 0;
  #text: Record<Kind, string> = { text: '', reasoning: '' };

  constructor(live: LiveChannel, key: SessionKey, runId: string) {
    this.#live = live;
    this.#key = key;
    this.#runId = runId;
  }

  /** The text of the current attempt so far. */
  get text(): Readonly<Record<Kind, string>> {
    return this.#text;
  }

  /** Starts an attempt. Retracts the text of the one before. */
  start(step: number, attempt: number): void {
    this.#step = step;
    this.#attempt = attempt;
    this.#text = { text: '', reasoning: '' };
    if (attempt > 1) this.#retract(attempt - 1);
  }

  /** Reports that an attempt failed, when the next one begins, and which model it asks if it is another. */
  attemptFailed(
    failure: Pick<AttemptFailed, 'step' | 'attempt' | 'maxAttempts' | 'code' | 'detail' | 'retryAt' | 'nextModel'>,
  ): void {
    this.#publish({ type: 'attempt.failed', ...this.#position(), ...failure });
  }

  append(kind: Kind, delta: string): void {
    const offset = this.#text[kind].length;
    this.#text[kind] += delta;
    const type = kind === 'text' ? 'message.delta' : 'reasoning.delta';
    this.#publish({ type, ...this.#position(), attempt: this.#attempt, offset, delta });
  }

  /** Retracts the text of this attempt, if there is any, and ends the attempt. */
  retract(): void {
    if (this.#text.text !== '' || this.#text.reasoning !== '') this.#retract(this.#attempt);
    this.clear();
  }

  /** Ends the attempt without a retraction: its text is committed. */
  clear(): void {
    this.#text = { text: '', reasoning: '' };
    this.#attempt = 0;
  }

  progress(step: number, callId: string, tool: string, progress: Json): void {
    this.#publish({ type: 'tool.progress', ...this.#position(), step, callId, tool, progress });
  }

  /** Publishes the text so far, in reply to `resend-text`. */
  resend(): void {
    if (this.#attempt === 0) return;
    const { text, reasoning } = this.#text;
    const soFar = { runId: this.#runId, step: this.#step, attempt: this.#attempt, text, reasoning };
    this.#live.publish(this.#key, { kind: 'soFar', soFar });
  }

  #retract(attempt: number): void {
    this.#publish({ type: 'step.retracted', ...this.#position(), attempt });
  }

  #position() {
    return { at: new Date().toISOString(), sessionId: this.#key.session, runId: this.#runId, step: this.#step };
  }

  #publish(event: LiveEvent): void {
    this.#live.publish(this.#key, { kind: 'live', event });
  }
}
