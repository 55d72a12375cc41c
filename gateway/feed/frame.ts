import type { PerdureEvent, StreamEvent } from '../../contracts/events/event.ts';

/** One piece of a stream. Encoded at most once, for any number of readers. */
export interface Frame {
  /** Null for a comment. */
  readonly event: StreamEvent | null;
  /** In the format of server-sent events. */
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** Keeps proxies and clients from closing an idle stream. */
export const COMMENT: Frame = { event: null, bytes: encoder.encode(': keep-alive\n\n') };

/** The first bytes of a stream. They flush the headers and set the pause before a reconnect to 1 s. */
export const OPENING: Uint8Array = encoder.encode('retry: 1000\n: open\n\n');

/** A frame for an event. */
export function frameOf(event: StreamEvent): Frame {
  return new EventFrame(event);
}

/** A durable event in a stream whose resume needs more than its `seq`: `id` contains neither line breaks nor NUL. */
export function frameWithId(event: PerdureEvent, id: string): Frame {
  return { event, bytes: encoder.encode(`id: ${id}\n${dataOf(event)}`) };
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
  // Only durable events have an id: a reconnect resumes after the last of them.
  const id = 'seq' in event ? `id: ${event.seq}\n` : '';
  return `${id}${dataOf(event)}`;
}

function dataOf(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
