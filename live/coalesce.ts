import type { LiveMessage } from './live-channel.ts';

/** The longest joined delta, in characters. Bounds the size of a message when the sender is far behind. */
const MAX_JOINED = 32_768;

/**
 * Merges two consecutive messages of one session into one, or returns undefined when both are needed. Two `appended`
 * notifications become the later one; two adjacent deltas of one attempt become one delta.
 */
export function coalesce(earlier: LiveMessage, later: LiveMessage): LiveMessage | undefined {
  if (earlier.kind === 'appended' && later.kind === 'appended') {
    const serving = earlier.serving === 'leave' ? 'leave' : (later.serving ?? earlier.serving);
    return { kind: 'appended', head: Math.max(earlier.head, later.head), ...(serving ? { serving } : {}) };
  }
  if (earlier.kind !== 'live' || later.kind !== 'live') return undefined;
  const [a, b] = [earlier.event, later.event];
  if (a.type !== 'message.delta' && a.type !== 'reasoning.delta') return undefined;
  if (b.type !== a.type || b.runId !== a.runId || b.step !== a.step || b.attempt !== a.attempt) return undefined;
  const adjacent = b.offset === a.offset + a.delta.length;
  if (!adjacent || a.delta.length + b.delta.length > MAX_JOINED) return undefined;
  return { kind: 'live', event: { ...a, delta: a.delta + b.delta } };
}
