import type { StreamEvent } from '../../contracts/session/event.ts';

/** One piece of a stream. Encoded at most once, however many readers are sent it. */
export interface Frame {
  /** Null for a comment. */
  readonly event: StreamEvent | null;
  /** As server-sent events write it. */
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** Keeps proxies and clients from taking a silent stream for a dead one. */
export const COMMENT: Frame = { event: null, bytes: encoder.encode(': still here\n\n') };

/** The first bytes of a stream: they carry the headers out at once and set the pause before a reconnect to 1 s. */
export const OPENING: Uint8Array = encoder.encode('retry: 1000\n: open\n\n');

/** A frame for an event. */
export function frameOf(event: StreamEvent): Frame {
  return new EventFrame(event);
}

class EventFrame implements Frame {
  readonly event: StreamEvent;
  #bytes: Uint8Array | undefined;

  constructor(event: StreamEvent) {
    this.event = event;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= encoder.encode(encode(this.event));
    return this.#bytes;
  }
}

function encode(event: StreamEvent): string {
  // Only durable events have an id, so a reconnect goes on after the last of them.
  const id = 'seq' in event ? `id: ${event.seq}\n` : '';
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
