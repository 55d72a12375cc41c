import { APIConnectionError } from 'openai';
import { LIMITS } from '../../contracts/limits.ts';
import { ModelError } from '../model-client.ts';
import type { ProviderCall } from './call-provider.ts';
import { failureIn, unusable, type ErrorSource } from './provider-failure.ts';
import { SseDocuments } from './sse-documents.ts';

/** How long a provider may take to send its usage and close the stream after the terminal event. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Assembles a reply from the events of a stream, or from one document. */
export interface ReplyReader {
  take(event: unknown, name: string | null): void;
  takeWhole(response: unknown): void;
  /** Whether the terminal event has arrived. */
  readonly ended: boolean;
}

/**
 * Reads a response to its close, to receive the usage and to let the connection be reused. Whether it is a stream of events or
 * one document is decided by its first character: servers ignore `stream`, and send wrong content types.
 */
export async function readResponse(
  source: ErrorSource,
  response: Response,
  reader: ReplyReader,
  call: ProviderCall,
): Promise<void> {
  const body = new BodyReader(source, response, reader);
  try {
    for await (const text of textOf(response, call, reader)) body.feed(text);
    call.signal.throwIfAborted();
    body.end();
  } catch (error) {
    // After the terminal event, only the usage can be lost. `callProvider` handles an abort by the caller.
    if (!reader.ended) throw error;
  }
}

/** The text of a body. Every byte restarts the idle timeout, those of comments too; the end of the reply sets the last one. */
async function* textOf(
  { body }: Response,
  { signal, resetIdleTimeout }: ProviderCall,
  reader: ReplyReader,
): AsyncGenerator<string> {
  if (body === null) return;
  // Removes a byte order mark.
  const decoder = new TextDecoder();
  let closing = false;
  resetIdleTimeout();
  try {
    for await (const chunk of body) {
      signal.throwIfAborted();
      yield decoder.decode(chunk, { stream: true });
      if (closing) continue;
      closing = reader.ended;
      resetIdleTimeout(closing ? CLOSE_TIMEOUT_MS : undefined);
    }
  } catch (error) {
    throw new APIConnectionError({ message: 'The response was cut off.', cause: error as Error });
  }
  yield decoder.decode();
}

class BodyReader {
  readonly #source: ErrorSource;
  readonly #contentType: string;
  readonly #reader: ReplyReader;
  #events: SseDocuments | null = null;
  /** The beginning of the events. */
  #start = '';
  /** The document so far; empty with events. */
  #document = '';

  constructor(source: ErrorSource, { headers }: Response, reader: ReplyReader) {
    this.#source = source;
    this.#contentType = /^[\w.+-]+\/[\w.+-]+/.exec(headers.get('content-type') ?? '')?.[0] ?? 'none';
    this.#reader = reader;
  }

  feed(text: string): void {
    if (this.#events) return this.#takeEvents(this.#events, text);
    // White space before a document keeps the connection alive.
    if (this.#document === '') text = text.trimStart();
    if (text === '') return;
    if (this.#document === '' && !/^[{[<]/.test(text)) {
      this.#start = text;
      this.#events = new SseDocuments();
      return this.#takeEvents(this.#events, text);
    }
    this.#document += text;
    if (this.#document.length > LIMITS.replyDocumentBytes.value) throw tooLarge(this.#source.provider);
  }

  end(): void {
    if (this.#events) return this.#endEvents(this.#events);
    if (this.#document === '') throw unusable(this.#source, 'without a body', null);
    const document = parsed(this.#document);
    if (document === undefined) throw notJson(this.#source, this.#contentType, this.#document);
    // Google sends errors in an array.
    this.#reader.takeWhole(Array.isArray(document) ? (document[0] as unknown) : document);
  }

  #takeEvents(events: SseDocuments, text: string): void {
    events.feed(text);
    this.#takeDocuments(events);
    if (events.tooLarge) throw tooLarge(this.#source.provider);
  }

  #endEvents(events: SseDocuments): void {
    events.end();
    this.#takeDocuments(events);
    if (events.seen || this.#reader.ended) return;
    if (!/^(?::|data|event|id|retry)/.test(this.#start)) throw notJson(this.#source, this.#contentType, this.#start);
  }

  #takeDocuments(events: SseDocuments): void {
    for (const { name, value, broken } of events.read()) {
      if (broken && name === 'error') throw failureIn(this.#source, value);
      if (broken) throw unusable(this.#source, 'that is not JSON', value);
      this.#reader.take(value, name);
    }
  }
}

function notJson(source: ErrorSource, contentType: string, text: string): ModelError {
  const isPage = text.startsWith('<');
  const remedy = isPage ? "Check the provider's address, and proxies on the way to it." : '';
  return unusable(source, `that is ${isPage ? 'a page' : 'not JSON'} (content type ${contentType})`, text, remedy);
}

function tooLarge(provider: string): ModelError {
  const message = `The provider ${provider} sent more than ${LIMITS.replyDocumentBytes.value} bytes in one event or document. Set maxOutputTokens.`;
  return new ModelError('too_large', message, { retryable: false });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
