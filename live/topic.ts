import type { SessionKey } from '../contracts/session/session-key.ts';

/** One text for both parts of a key. Neither part can contain a NUL, so no two keys share a topic. */
export function topicOf(key: SessionKey): string {
  return `${key.user}\u0000${key.session}`;
}
