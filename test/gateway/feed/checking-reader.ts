import { expect } from 'vitest';
import type { PerdureEvent, StreamEvent } from '../../../src/contracts/event.ts';
import type { Reader } from '../../../src/gateway/feed/reader.ts';

/** A client that holds every frame against what streams promise, and keeps its durable events over reconnects. */
export class CheckingReader {
  readonly durable: PerdureEvent[] = [];
  /** The text of the step that speaks, as a reader joins it. */
  text = '';
  readonly #after: number;
  #speaks: { runId: string; step: number; attempt: number } | undefined;
  readonly #retracted = new Set<string>();

  constructor(after: number) {
    this.#after = after;
  }

  get lastSeq(): number {
    return this.durable.at(-1)?.seq ?? this.#after;
  }

  /** Reads a new stream until an event like this; false when the stream ended first. */
  async readUntil(reader: Reader, like: (event: StreamEvent) => boolean): Promise<boolean> {
    // Each stream tells the text so far anew; another gateway may be a little behind.
    this.#speaks = undefined;
    this.#retracted.clear();
    this.text = '';
    for (;;) {
      const frames = await reader.next();
      if (frames === null) return false;
      let found = false;
      for (const { event } of frames) {
        if (event === null) continue;
        this.take(event);
        found ||= like(event);
      }
      if (found) return true;
    }
  }

  take(event: StreamEvent): void {
    if ('seq' in event) this.#takeDurable(event);
    else if (event.type === 'message.delta') this.#takeDelta(event);
    else if (event.type === 'step.retracted') this.#takeRetracted(event);
  }

  #takeDurable(event: PerdureEvent): void {
    expect(event.seq).toBe(this.lastSeq + 1);
    this.durable.push(event);
    if (event.type !== 'message.completed') return;
    if (this.#speaks?.runId === event.runId && this.#speaks.attempt === event.attempt) {
      expect(event.text.startsWith(this.text)).toBe(true);
    }
    this.#speaks = undefined;
    this.text = '';
  }

  #takeDelta(event: Extract<StreamEvent, { type: 'message.delta' }>): void {
    const { runId, step, attempt, offset, delta } = event;
    this.#checkItsTime(runId, step);
    const same = this.#speaks?.runId === runId && this.#speaks.step === step;
    if (same) expect(attempt).toBeGreaterThanOrEqual(this.#speaks?.attempt ?? 0);
    expect(this.#retracted).not.toContain(`${runId} ${step} ${attempt}`);
    if (!same || this.#speaks?.attempt !== attempt) this.text = '';
    expect(offset).toBeLessThanOrEqual(this.text.length);
    this.#speaks = { runId, step, attempt };
    this.text = this.text.slice(0, offset) + delta;
    expect(this.text.startsWith(`${runId}.${step}.${attempt}:`.slice(0, this.text.length))).toBe(true);
  }

  #takeRetracted(event: Extract<StreamEvent, { type: 'step.retracted' }>): void {
    const { runId, step, attempt } = event;
    expect(this.#speaks).toEqual({ runId, step, attempt });
    expect(this.#retracted).not.toContain(`${runId} ${step} ${attempt}`);
    this.#retracted.add(`${runId} ${step} ${attempt}`);
    this.text = '';
  }

  /** All durable events that precede a step's text were read, and none that follow it. */
  #checkItsTime(runId: string, step: number): void {
    const ofRun = this.durable.filter((event) => 'runId' in event && event.runId === runId);
    const completed = ofRun.flatMap((event) => (event.type === 'message.completed' ? [event.step] : []));
    expect(completed).not.toContain(step);
    if (this.#after > 0) return;
    expect(ofRun.some(({ type }) => type === 'run.started')).toBe(true);
    expect(completed.length).toBe(step - 1);
    const results = ofRun.filter(({ type }) => type === 'tool.completed');
    expect(results.length).toBe(step - 1);
  }
}
