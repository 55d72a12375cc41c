import type { LiveEvent } from '../../contracts/session/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

type Kind = 'text' | 'reasoning';

/** Says on the live channel what one attempt of a step produces, and remembers it for who comes late and for a cancel. */
export class RunVoice {
  readonly #live: LiveChannel;
  readonly #key: SessionKey;
  readonly #runId: string;
  #step = 0;
  #attempt = 0;
  #said: Record<Kind, string> = { text: '', reasoning: '' };

  constructor(live: LiveChannel, key: SessionKey, runId: string) {
    this.#live = live;
    this.#key = key;
    this.#runId = runId;
  }

  get said(): Readonly<Record<Kind, string>> {
    return this.#said;
  }

  /** Begins an attempt; what an earlier one said is taken back. */
  begin(step: number, attempt: number): void {
    this.#step = step;
    this.#attempt = attempt;
    this.#said = { text: '', reasoning: '' };
    if (attempt > 1) this.#retract(attempt - 1);
  }

  say(kind: Kind, delta: string): void {
    const offset = this.#said[kind].length;
    this.#said[kind] += delta;
    const type = kind === 'text' ? 'message.delta' : 'reasoning.delta';
    this.#publish({ type, ...this.#place(), attempt: this.#attempt, offset, delta });
  }

  /** Takes back what this attempt said. */
  retract(): void {
    if (this.#said.text !== '' || this.#said.reasoning !== '') this.#retract(this.#attempt);
    this.finish();
  }

  /** This attempt's text is in the store now, or is not wanted any more. */
  finish(): void {
    this.#said = { text: '', reasoning: '' };
    this.#attempt = 0;
  }

  progress(step: number, callId: string, tool: string, progress: Json): void {
    this.#publish({ type: 'tool.progress', ...this.#place(), step, callId, tool, progress });
  }

  /** The answer to `who-speaks`. */
  repeat(): void {
    if (this.#attempt === 0) return;
    const { text, reasoning } = this.#said;
    const soFar = { runId: this.#runId, step: this.#step, attempt: this.#attempt, text, reasoning };
    this.#live.publish(this.#key, { kind: 'soFar', soFar });
  }

  #retract(attempt: number): void {
    this.#publish({ type: 'step.retracted', ...this.#place(), attempt });
  }

  #place() {
    return { at: new Date().toISOString(), sessionId: this.#key.session, runId: this.#runId, step: this.#step };
  }

  #publish(event: LiveEvent): void {
    this.#live.publish(this.#key, { kind: 'live', event });
  }
}
