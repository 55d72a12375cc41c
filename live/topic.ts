import type { SessionKey } from '../contracts/session/session-key.ts';

/** The topic of a session: its key as one string. No part of a key contains NUL, so topics are unique. */
export function topicOf(key: SessionKey): string {
  return `${key.user}\u0000${key.session}`;
}
