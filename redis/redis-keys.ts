import type { SessionKey } from '../contracts/session/session-key.ts';

/** The beginning of every key and channel, unless a deployment has another one. */
export const DEFAULT_PREFIX = 'perdure';

/** What Redis has of a session. */
type Part =
  /** The channel of its live messages. */
  | 'live'
  /** The text so far of the attempt that streams. */
  | 'text'
  /** The copy of its newest context. */
  | 'context';

/**
 * The key or channel of a part of a session: `prefix:user:session:part`. User and session are percent-encoded, so that neither
 * contains a colon: no two sessions have the same key, and no user's keys begin with those of another.
 */
export function redisKeyOf(prefix: string, { user, session }: SessionKey, part: Part): string {
  return `${prefix}:${encodeURIComponent(user)}:${encodeURIComponent(session)}:${part}`;
}
