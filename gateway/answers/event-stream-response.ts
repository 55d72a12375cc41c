import type { Reader } from '../feed/reader.ts';
import { OPENING } from '../feed/frame.ts';

/** Sends a reader's frames as server-sent events. Closes the reader when the stream ends or the caller disconnects. */
export function eventStreamResponse(reader: Reader, signal: AbortSignal): Response {
  const onDisconnect = (): void => reader.close();
  signal.addEventListener('abort', onDisconnect, { once: true });
  if (signal.aborted) reader.close();

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(OPENING);
    },
    // Called only once the previous frames were taken, so that a slow caller slows its reader down.
    async pull(controller) {
      // A store failure ends the stream; the caller reconnects after its last event.
      const frames = await reader.next().catch(() => null);
      for (const frame of frames ?? []) controller.enqueue(frame.bytes);
      if (frames !== null) return;
      signal.removeEventListener('abort', onDisconnect);
      reader.close();
      controller.close();
    },
    cancel() {
      signal.removeEventListener('abort', onDisconnect);
      reader.close();
    },
  });

  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies must not buffer the stream.
      'x-accel-buffering': 'no',
    },
  });
}
