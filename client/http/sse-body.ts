import { createParser } from 'eventsource-parser';
import type { StreamEvent } from '../../contracts/session/event.ts';

export interface SseBodyOptions {
  /** Silence after which the connection counts as broken; the gateway sends a comment every 15 s. */
  readonly idleMs: number;
  /** Told when the server names the pause before a reconnect. */
  readonly onRetry?: (retryMs: number) => void;
}

/** The events of one connection's body, in order. Ends when the body ends; rejects when it breaks or falls silent. A frame cut short is dropped. */
export async function* readSseBody(response: Response, options: SseBodyOptions): AsyncGenerator<StreamEvent> {
  if (response.body === null) return;
  const ready: StreamEvent[] = [];
  const parser = createParser({
    onEvent(frame) {
      const event = readEvent(frame.data);
      if (event !== undefined) ready.push(event);
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
      yield* ready.splice(0);
    }
  } finally {
    // Also when the reader of the events leaves: the connection must not stay open.
    await reader.cancel().catch(() => undefined);
  }
}

/** Undefined for what is not an event: a newer gateway may send more than we know. */
function readEvent(data: string): StreamEvent | undefined {
  try {
    const event = JSON.parse(data) as StreamEvent | null;
    return typeof event?.type === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
}

async function withinIdle<T>(read: Promise<T>, idleMs: number): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Nothing was heard for ${idleMs} ms.`)), idleMs);
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
