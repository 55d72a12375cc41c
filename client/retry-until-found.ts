import { PerdureError } from '../contracts/errors.ts';
import type { StreamEvent } from '../contracts/events/event.ts';
import { sleep } from './http/sleep.ts';

const RETRY_MS = 500;

/**
 * Opens a stream, and opens it again while its session or run does not exist: a message that was `accepted` creates it
 * only once a worker processes the message.
 */
export async function* retryUntilFound(
  open: () => AsyncIterable<StreamEvent>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamEvent> {
  let found = false;
  for (;;) {
    try {
      for await (const event of open()) {
        found = true;
        yield event;
      }
      return;
    } catch (error) {
      // Once there were events, the session was deleted.
      if (found || !isNotFound(error)) throw error;
      await sleep(RETRY_MS, signal);
    }
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof PerdureError && error.code === 'not_found';
}
