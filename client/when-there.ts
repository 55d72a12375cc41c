import { setTimeout as delay } from 'node:timers/promises';
import { PerdureError } from '../contracts/errors.ts';
import type { StreamEvent } from '../contracts/session/event.ts';

/** Between two looks. */
const PAUSE_MS = 500;

/** Events of what a message is on its way to create, but no worker has yet: asked for again until it is there. */
export async function* whenThere(
  open: () => AsyncIterable<StreamEvent>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamEvent> {
  for (;;) {
    try {
      yield* open();
      return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await delay(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof PerdureError && error.code === 'not_found';
}
