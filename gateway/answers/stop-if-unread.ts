import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

/**
 * Reads what a cancel of a run needs. If the store is unavailable, the run is stopped on the live channel alone: the model call
 * ends at once, and the worker records the run's end when the store is back. Rejects as `read` does: the caller repeats the cancel.
 */
export async function stopIfUnread<T>(
  live: LiveChannel,
  key: SessionKey,
  runId: string,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'store_unavailable') {
      live.publish(key, { kind: 'control', runId, command: 'cancel', reason: 'cancelled' });
    }
    throw error;
  }
}
