import type { Reader } from '../feed/reader.ts';
import { OPENING } from '../feed/frame.ts';

/** A reader as server-sent events. The reader is closed when the stream ends or the caller hangs up. */
export function eventStream(reader: Reader, signal: AbortSignal): Response {
  const hungUp = (): void => reader.close();
  signal.addEventListener('abort', hungUp, { once: true });
  if (signal.aborted) reader.close();

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(OPENING);
    },
    // Only asked for when what was sent before has gone: a slow caller is a slow reader.
    async pull(controller) {
      // A store that fails ends the stream; the caller reconnects after the last event it has.
      const frames = await reader.next().catch(() => null);
      for (const frame of frames ?? []) controller.enqueue(frame.bytes);
      if (frames !== null) return;
      signal.removeEventListener('abort', hungUp);
      reader.close();
      controller.close();
    },
    cancel() {
      signal.removeEventListener('abort', hungUp);
      reader.close();
    },
  });

  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies must not gather what is sent.
      'x-accel-buffering': 'no',
    },
  });
}
