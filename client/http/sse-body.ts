import { createParser } from 'eventsource-parser';
import { PerdureError } from '../../contracts/errors.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';

/** Above every event: a reply of 2,000,000 characters in which JSON escapes each one. */
const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

export interface SseEvent {
  readonly event: StreamEvent;
  /** What resumes the stream after the event; undefined for a live one. */
  readonly id: string | undefined;
}

export interface SseBodyOptions {
  /** Silence in ms after which the connection counts as broken. The gateway sends a comment every 15 s. */
  readonly idleMs: number;
  /** Called when the server sets the reconnection pause (`retry:`). */
  readonly onRetry?: (retryMs: number) => void;
}

/**
 * The events of one connection's body, in order. Ends with the body; rejects when the connection breaks or is idle for
 * too long, and with `too_large` for an event without an end. An incomplete event at the end of the body is dropped.
 */
export async function* readSseBody(response: Response, options: SseBodyOptions): AsyncGenerator<SseEvent> {
  if (response.body === null) return;
  const parsed: SseEvent[] = [];
  let tooLarge = false;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent({ data, id }) {
      const event = parseEvent(data);
      if (event !== undefined) parsed.push({ event, id });
    },
    onError({ type }) {
      if (type === 'max-buffer-size-exceeded') tooLarge = true;
    },
    ...(options.onRetry === undefined ? {} : { onRetry: options.onRetry }),
  });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await withinIdle(reader.read(), options.idleMs);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* parsed.splice(0);
      if (tooLarge) throw eventTooLarge();
    }
  } finally {
    // Runs as well when the consumer stops early: the connection must not stay open.
    await reader.cancel().catch(() => undefined);
  }
}

/** Undefined for data that is not an event: a newer gateway may send more. */
function parseEvent(data: string): StreamEvent | undefined {
  try {
    const event = JSON.parse(data) as StreamEvent | null;
    return typeof event?.type === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
}

async function withinIdle<T>(read: Promise<T>, idleMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const idle = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The gateway sent nothing for ${idleMs} ms.`)), idleMs);
  });
  try {
    return await Promise.race([read, idle]);
  } finally {
    clearTimeout(timer);
  }
}

function eventTooLarge(): PerdureError {
  return new PerdureError(
    'too_large',
    `An event exceeds ${MAX_EVENT_CHARACTERS} characters. Check that the address is a Perdure gateway.`,
  );
}
