/** A limit of active sessions: per user, or for all users together. */
export interface SessionLimit {
  readonly of: 'user' | 'all';
  readonly limit: number;
  /** Milliseconds for which a session must have been idle to be evicted. */
  readonly evictIdleMs: number;
}

/** The reason of an eviction, as shown to people. */
export function limitReason({ of, limit }: Pick<SessionLimit, 'of' | 'limit'>): string {
  const [scope, setting] = of === 'user' ? ['per user', 'activePerUser'] : ['in total', 'active'];
  const sessions = limit === 1 ? 'session' : 'sessions';
  return `session_limit: idle longest, and at most ${limit} ${sessions} ${scope} may be active (limits ${setting})`;
}
