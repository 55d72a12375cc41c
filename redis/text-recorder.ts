import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { PerdureEvent } from '../contracts/events/event.ts';
import { endsRun } from '../contracts/events/event-traits.ts';
import type { LiveMessage, TextSoFar } from '../live/live-channel.ts';
import { recordHead, recordLine, type TextPart, type TextPosition } from './text-record.ts';

/** A change of a session's record in Redis. `bytes`: its length afterwards. */
export type RecordChange =
  | { readonly kind: 'set'; readonly content: string; readonly bytes: number }
  | { readonly kind: 'append'; readonly content: string; readonly bytes: number }
  | { readonly kind: 'delete' };

interface Recorded extends TextPosition {
  readonly id: string;
  /** Characters that are recorded. */
  readonly length: Record<TextPart['kind'], number>;
  /** Of the record. `incomplete`: a part of the text was lost; nothing is recorded until it is published as a whole. */
  bytes: number | 'incomplete' | 'too long';
}

/** Sessions whose records a process appends to. Beyond it, the text of the one that streamed longest ago is read from its producer. */
const MAX_RECORDED = 10_000;

/** Derives from the messages that a process publishes how the records of its sessions' texts change. Sends nothing itself. */
export class TextRecorder {
  readonly #maxBytes: number;
  readonly #recorded = new LRUCache<string, Recorded>({ max: MAX_RECORDED });

  /** `maxBytes`: of one record. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The change of a message; null for none. `incomplete`: the beginning of the text is missing in Redis, so it has to be published as a whole. */
  apply(topic: string, message: LiveMessage): RecordChange | 'incomplete' | null {
    switch (message.kind) {
      case 'soFar':
        return this.#replace(topic, message.soFar);
      case 'appended':
        return (message.events ?? []).some(endsText) ? this.#delete(topic) : null;
      case 'live': {
        const { event } = message;
        if (event.type === 'step.retracted') return this.#delete(topic);
        if (event.type !== 'message.delta' && event.type !== 'reasoning.delta') return null;
        const kind = event.type === 'message.delta' ? 'text' : 'reasoning';
        return this.#append(topic, event, { kind, offset: event.offset, delta: event.delta });
      }
      default:
        return null;
    }
  }

  /** Redis may lack the session's record, or a part of it. */
  forget(topic: string): void {
    this.#recorded.delete(topic);
  }

  /** Redis may lack any of the records. */
  forgetAll(): void {
    this.#recorded.clear();
  }

  #append(topic: string, position: TextPosition, part: TextPart): RecordChange | 'incomplete' | null {
    const known = this.#recorded.get(topic);
    if (!known || !isSame(known, position)) {
      if (part.offset > 0) {
        this.#note(topic, position, 'incomplete');
        return 'incomplete';
      }
      return this.#replaceBy(topic, position, [part]);
    }
    // The same attempt from its start.
    if (part.offset === 0 && known.length[part.kind] > 0) return this.#replaceBy(topic, position, [part]);
    if (known.bytes === 'too long') return null;
    if (known.bytes === 'incomplete') return 'incomplete';
    if (part.offset !== known.length[part.kind]) {
      known.bytes = 'incomplete';
      return 'incomplete';
    }
    const line = recordLine(known.id, part);
    known.bytes += Buffer.byteLength(line);
    known.length[part.kind] += part.delta.length;
    if (known.bytes <= this.#maxBytes) return { kind: 'append', content: line, bytes: known.bytes };
    known.bytes = 'too long';
    return { kind: 'delete' };
  }

  #replace(topic: string, { text, reasoning, ...position }: TextSoFar): RecordChange {
    const parts: TextPart[] = [];
    if (reasoning !== '') parts.push({ kind: 'reasoning', offset: 0, delta: reasoning });
    if (text !== '') parts.push({ kind: 'text', offset: 0, delta: text });
    return this.#replaceBy(topic, position, parts);
  }

  #replaceBy(topic: string, position: TextPosition, parts: readonly TextPart[]): RecordChange {
    const noted = this.#note(topic, position, 'too long');
    const { id } = noted;
    const content = recordHead(id, position) + parts.map((part) => recordLine(id, part)).join('');
    const bytes = Buffer.byteLength(content);
    const fits = bytes <= this.#maxBytes;
    if (fits) noted.bytes = bytes;
    for (const { kind, delta } of parts) noted.length[kind] += delta.length;
    return fits ? { kind: 'set', content, bytes } : { kind: 'delete' };
  }

  #note(topic: string, { runId, step, attempt }: TextPosition, bytes: Recorded['bytes']): Recorded {
    const id = randomBytes(6).toString('base64url');
    const noted = { id, runId, step, attempt, length: { text: 0, reasoning: 0 }, bytes };
    this.#recorded.set(topic, noted);
    return noted;
  }

  #delete(topic: string): RecordChange {
    this.#recorded.delete(topic);
    return { kind: 'delete' };
  }
}

function isSame(one: TextPosition, other: TextPosition): boolean {
  return one.runId === other.runId && one.step === other.step && one.attempt === other.attempt;
}

/** Whether the text that has streamed is committed, or will not be. */
function endsText({ type }: PerdureEvent): boolean {
  return type === 'message.completed' || endsRun(type);
}
