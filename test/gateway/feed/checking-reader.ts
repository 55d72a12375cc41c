import assert from 'node:assert/strict';
import type { PerdureEvent, StreamEvent } from '../../../contracts/events/event.ts';
import type { Reader } from '../../../gateway/feed/reader.ts';

/** A client that checks every frame against the guarantees of streams, and keeps its durable events across reconnects. */
export class CheckingReader {
  readonly durable: PerdureEvent[] = [];
  /** The text of the streaming step, assembled from deltas. */
  text = '';
  readonly #after: number;
  #position: { runId: string; step: number; attempt: number } | undefined;
  readonly #retracted = new Set<string>();

  constructor(after: number) {
    this.#after = after;
  }

  get lastSeq(): number {
    return this.durable.at(-1)?.seq ?? this.#after;
  }

  /** Reads a new stream until an event that satisfies the predicate; false when the stream ends first. */
  async readUntil(reader: Reader, like: (event: StreamEvent) => boolean): Promise<boolean> {
    // Each stream starts with the text so far; another gateway may be slightly behind.
    this.#position = undefined;
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
    assert.equal(event.seq, this.lastSeq + 1);
    this.durable.push(event);
    if (event.type !== 'message.completed') return;
    if (this.#position?.runId === event.runId && this.#position.attempt === event.attempt) {
      assert.ok(event.text.startsWith(this.text), 'the text is the beginning of the committed one');
    }
    this.#position = undefined;
    this.text = '';
  }

  #takeDelta(event: Extract<StreamEvent, { type: 'message.delta' }>): void {
    const { runId, step, attempt, offset, delta } = event;
    this.#checkOrder(runId, step);
    const same = this.#position?.runId === runId && this.#position.step === step;
    if (same) assert.ok(attempt >= (this.#position?.attempt ?? 0), 'attempts never go down');
    assert.ok(!this.#retracted.has(`${runId} ${step} ${attempt}`), 'the attempt was not retracted before');
    if (!same || this.#position?.attempt !== attempt) this.text = '';
    assert.ok(offset <= this.text.length, 'no text is missing');
    this.#position = { runId, step, attempt };
    this.text = this.text.slice(0, offset) + delta;
    assert.ok(
      this.text.startsWith(`${runId}.${step}.${attempt}:`.slice(0, this.text.length)),
      'the text is of its attempt',
    );
  }

  #takeRetracted(event: Extract<StreamEvent, { type: 'step.retracted' }>): void {
    const { runId, step, attempt } = event;
    assert.deepEqual(this.#position, { runId, step, attempt });
    assert.ok(!this.#retracted.has(`${runId} ${step} ${attempt}`), 'the attempt was not retracted before');
    this.#retracted.add(`${runId} ${step} ${attempt}`);
    this.text = '';
  }

  /** Checks that all durable events that precede a step's text were read, and none that follow it. */
  #checkOrder(runId: string, step: number): void {
    const ofRun = this.durable.filter((event) => 'runId' in event && event.runId === runId);
    const completed = ofRun.flatMap((event) => (event.type === 'message.completed' ? [event.step] : []));
    assert.ok(!completed.includes(step), 'the step was not committed before');
    if (this.#after > 0) return;
    assert.ok(
      ofRun.some(({ type }) => type === 'run.started'),
      'the run has started',
    );
    assert.equal(completed.length, step - 1);
    const results = ofRun.filter(({ type }) => type === 'tool.completed');
    assert.equal(results.length, step - 1);
  }
}
