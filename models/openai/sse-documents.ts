import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { LIMITS } from '../../contracts/limits.ts';

export interface SseDocument {
  /** The name of its event; null without one. */
  readonly name: string | null;
  /** The JSON value, or the text if it is broken. */
  readonly value: unknown;
  readonly broken: boolean;
}

/**
 * The JSON documents of a stream of server-sent events. Dropped are events without data, which keep connections alive, and
 * those with a bare word such as `ping` instead of a document; `[DONE]` ends the stream.
 */
export class SseDocuments {
  readonly #messages: EventSourceMessage[] = [];
  readonly #parser = createParser({
    maxBufferSize: LIMITS.replyDocumentBytes.value,
    onEvent: (message) => this.#messages.push(message),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') this.tooLarge = true;
    },
  });
  #done = false;
  #ending = false;

  /** Whether an event was larger than the limit. Nothing after it is read. */
  tooLarge = false;
  /** Whether there was a document or `[DONE]`. */
  seen = false;

  feed(text: string): void {
    if (!this.tooLarge) this.#parser.feed(text);
  }

  /** Completes the last event, after which some servers omit the empty line. If it was cut off, it is dropped. */
  end(): void {
    this.feed('\n\n');
    this.#ending = true;
  }

  /** Returns the documents that have arrived since the last call. */
  read(): SseDocument[] {
    return this.#messages.splice(0).flatMap(({ event, data }) => this.#documentsIn(event ?? null, data));
  }

  #documentsIn(name: string | null, data: string): SseDocument[] {
    const text = data.trim();
    if (this.#done || text === '') return [];
    if (text.startsWith('[DONE]')) {
      this.#done = true;
      this.seen = true;
      return [];
    }
    const one = documentOf(name, text);
    if (!one.broken) return this.#found(isDocument(one.value) ? [one] : []);
    // Servers that omit the empty line between events: the parser joins their lines.
    const lines = text.split('\n').map((line) => line.trim());
    if (lines.length > 1) {
      const parts = lines.filter((line) => line !== '' && line !== '[DONE]').map((line) => documentOf(name, line));
      if (parts.every(({ broken, value }) => !broken && isDocument(value))) return this.#found(parts);
    }
    const isText = name !== 'error' && !/^[{[]/.test(text);
    return isText || this.#ending ? [] : this.#found([one]);
  }

  #found(documents: SseDocument[]): SseDocument[] {
    if (documents.length > 0) this.seen = true;
    return documents;
  }
}

function documentOf(name: string | null, text: string): SseDocument {
  try {
    return { name, value: JSON.parse(text) as unknown, broken: false };
  } catch {
    return { name, value: text, broken: true };
  }
}

function isDocument(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
