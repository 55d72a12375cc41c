import type { LiveMessage } from './live-channel.ts';

/** A message as it is sent to other processes, which read the events from the store. */
export function withoutEvents(message: LiveMessage): LiveMessage {
  const { events: _, ...sent } = { events: undefined, ...message };
  return sent;
}
