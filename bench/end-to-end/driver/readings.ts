import { setTimeout as delay } from 'node:timers/promises';
import type { GatewaySession } from './gateway-session.ts';
import { streamAnswer } from './streamed-answer.ts';

export interface ReadingsOutput {
  /**
   * Time until the first token of each message that waited for it while measuring, whenever it was sent: what is
   * overloaded would otherwise seem quick. One that had no token in the end has the time that it had waited, which is a
   * lower bound.
   */
  readonly firstTokensMs: readonly number[];
  /** Time between arrivals of text, while measuring. */
  readonly gapsMs: readonly number[];
  /** How many answers were read to their end, at any time. */
  readonly answers: number;
  /** How many measured messages had no token in the end. */
  readonly unanswered: number;
  /** How many messages were refused, or had a run that did not complete; with the first error. */
  readonly failures: number;
  readonly firstFailure: string | undefined;
}

interface SentMessage {
  readonly sentAt: number;
  /** When its newest text arrived. */
  arrivedAt: number | undefined;
}

/** What many readers of streamed answers measure together. */
export class Readings {
  readonly #content: string;
  #phase: 'warm-up' | 'measured' | 'grace' = 'warm-up';
  /** Measured messages without a token. */
  readonly #waiting = new Set<SentMessage>();
  /** Messages with a token whose answers have not ended. */
  readonly #streaming = new Set<SentMessage>();
  readonly #firstTokensMs: number[] = [];
  readonly #gapsMs: number[] = [];
  #answers = 0;
  #failures = 0;
  #firstFailure: string | undefined;

  constructor(content: string) {
    this.#content = content;
  }

  /** Sends a message and reads its answer, until the signal. Does not reject. */
  async read(talk: GatewaySession, signal: AbortSignal): Promise<void> {
    const message: SentMessage = { sentAt: performance.now(), arrivedAt: undefined };
    if (this.#phase !== 'grace') this.#waiting.add(message);
    try {
      await streamAnswer(talk, this.#content, () => this.#arrive(message), signal);
      this.#answers += 1;
    } catch (error) {
      if (signal.aborted) return;
      this.#waiting.delete(message);
      this.#failures += 1;
      this.#firstFailure ??= (error as Error).message;
    } finally {
      this.#streaming.delete(message);
    }
  }

  #arrive(message: SentMessage): void {
    const now = performance.now();
    const { sentAt, arrivedAt } = message;
    message.arrivedAt = now;
    this.#streaming.add(message);
    if (arrivedAt !== undefined && this.#phase === 'measured') this.#gapsMs.push(rounded(now - arrivedAt));
    if (this.#waiting.delete(message) && this.#phase !== 'warm-up') this.#firstTokensMs.push(now - sentAt);
  }

  /** Begins to measure. */
  begin(): void {
    this.#phase = 'measured';
  }

  /** Ends what is measured, except the first tokens of messages sent before. A stream that pauses now has a gap that counts so far. */
  end(): void {
    this.#phase = 'grace';
    const now = performance.now();
    for (const { arrivedAt } of this.#streaming)
      if (arrivedAt !== undefined) this.#gapsMs.push(rounded(now - arrivedAt));
  }

  /** Resolves when every measured message has its first token, or after `graceMs`. */
  async firstTokensWithin(graceMs: number): Promise<void> {
    const until = performance.now() + graceMs;
    while (this.#waiting.size > 0 && performance.now() < until) await delay(20);
  }

  output(): ReadingsOutput {
    const now = performance.now();
    return {
      firstTokensMs: [...this.#firstTokensMs, ...[...this.#waiting].map(({ sentAt }) => now - sentAt)],
      gapsMs: this.#gapsMs,
      answers: this.#answers,
      unanswered: this.#waiting.size,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
    };
  }
}

/** Keeps what is sent to the parent small. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
