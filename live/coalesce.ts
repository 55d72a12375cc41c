import type { LiveMessage } from './live-channel.ts';

/** Deltas are joined up to this length, in characters, so that a sender that is far behind still sends in pieces. */
const MAX_JOINED = 32_768;

/**
 * One message that says what two consecutive ones of a session say, or undefined when it takes both.
 * Two bells are the later bell; two deltas of one try that touch are one delta.
 */
export function coalesce(earlier: LiveMessage, later: LiveMessage): LiveMessage | undefined {
  if (earlier.kind === 'appended' && later.kind === 'appended') {
    return { kind: 'appended', head: Math.max(earlier.head, later.head) };
  }
  if (earlier.kind !== 'live' || later.kind !== 'live') return undefined;
  const [a, b] = [earlier.event, later.event];
  if (a.type !== 'message.delta' && a.type !== 'reasoning.delta') return undefined;
  if (b.type !== a.type || b.runId !== a.runId || b.step !== a.step || b.attempt !== a.attempt) return undefined;
  const touches = b.offset === a.offset + a.delta.length;
  if (!touches || a.delta.length + b.delta.length > MAX_JOINED) return undefined;
  return { kind: 'live', event: { ...a, delta: a.delta + b.delta } };
}
