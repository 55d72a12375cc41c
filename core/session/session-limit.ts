/** A limit of active sessions: of each user, or of all users together. */
export interface SessionLimit {
  readonly of: 'user' | 'all';
  readonly limit: number;
  /** How long a session must have been idle to make room. */
  readonly evictIdleMs: number;
}

/** Why a session has expired that made room, for people. */
export function limitReason({ of, limit }: Pick<SessionLimit, 'of' | 'limit'>): string {
  const [whose, setting] = of === 'user' ? ['of a user', 'activePerUser'] : ['in all', 'active'];
  const sessions = limit === 1 ? 'session' : 'sessions';
  return `session_limit: idle longest where ${limit} ${sessions} ${whose} may be active (limits ${setting})`;
}
