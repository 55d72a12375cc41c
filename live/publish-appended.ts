import type { PerdureEvent } from '../contracts/events/event.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { LiveChannel, ServingHint } from './live-channel.ts';

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
  live.publish(key, { kind: 'appended', head: last.seq, events, serving: hintOf(events) });
}

/** What the events mean for the activity that serves the session. */
function hintOf(events: readonly PerdureEvent[]): ServingHint | undefined {
  if (events.some(({ type }) => ENDS_SERVING.has(type))) return 'leave';
  return events.some(({ type }) => OPENS_RUNS.has(type)) ? 'look' : undefined;
}

const OPENS_RUNS: ReadonlySet<PerdureEvent['type']> = new Set([
  'message.received',
  'approval.decided',
  'approval.expired',
  'client_call.answered',
  'client_call.expired',
]);

const ENDS_SERVING: ReadonlySet<PerdureEvent['type']> = new Set([
  'session.ended',
  'session.expired',
  'session.failed',
  'session.archived',
]);
