import type { PerdureEvent } from '../contracts/session/event.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveChannel } from './live-channel.ts';

/** Where committed events are announced. */
export interface AppendedPorts {
  readonly live: Pick<LiveChannel, 'publish'>;
  /** Counts and logs the events. The process that commits events records them, once. */
  readonly commits: { record(key: SessionKey, events: readonly PerdureEvent[]): void };
}

/**
 * Records the events of one transaction and notifies readers of the session's new head. Call it once for each commit,
 * after the commit. Does nothing without events.
 */
export function publishAppended(
  { live, commits }: AppendedPorts,
  key: SessionKey,
  events: readonly PerdureEvent[],
): void {
  const last = events.at(-1);
  if (!last) return;
  commits.record(key, events);
  live.publish(key, { kind: 'appended', head: last.seq, events });
}
