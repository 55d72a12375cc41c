import type { PerdureEvent } from '../contracts/session/event.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveChannel } from './live-channel.ts';

/** Tells readers what was just committed. Call it after the commit, never before. */
export function ring(live: LiveChannel, key: SessionKey, events: readonly PerdureEvent[]): void {
  const last = events.at(-1);
  if (last) live.publish(key, { kind: 'appended', head: last.seq, events });
}
