import type { OnCredentialEnd } from '../http/route.ts';
import { OPENING, type Frame } from '../feed/frame.ts';

/** What a stream is read from. */
export interface FrameSource {
  /** Null after the last frame. */
  nextFrame(): Promise<Frame | null>;
  close(): void;
}

export interface EventStreamOptions {
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
  /** The end of the caller's credential ends the stream. */
  readonly onCredentialEnd: OnCredentialEnd;
  /** Opens the reader, once the body is read for the first time. A rejection ends the stream; the caller reconnects. */
  readonly open: () => Promise<FrameSource>;
  /** Called when the body is not read any more, also if it never was. */
  readonly onEnd?: () => void;
}

/**
 * Sends a reader's frames as server-sent events, one each time the body is read. Until then there is no reader, so that a
 * body that nobody reads holds nothing. Closes the reader when the stream ends or the caller disconnects.
 */
export function eventStreamResponse({ signal, onCredentialEnd, open, onEnd }: EventStreamOptions): Response {
  let opening: Promise<FrameSource> | undefined;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    signal.removeEventListener('abort', end);
    stopWatching();
    opening?.then(
      (reader) => reader.close(),
      () => undefined,
    );
    onEnd?.();
  };
  const stopWatching = onCredentialEnd(end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();

  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (opening === undefined && !ended) {
          opening = open();
          opening.catch(() => undefined);
          controller.enqueue(OPENING);
          return;
        }
        // A store failure ends the stream; the caller reconnects after its last event.
        const frame = await opening?.then((reader) => reader.nextFrame()).catch(() => null);
        if (frame) return controller.enqueue(frame.bytes);
        end();
        controller.close();
      },
      cancel: end,
    },
    // Without a queue of its own: nothing is pulled before the caller reads.
    { highWaterMark: 0 },
  );

  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies must not buffer the stream.
      'x-accel-buffering': 'no',
    },
  });
}
