import type { Tx } from '../db/db.ts';

/** How many sessions of a user are active, or of everybody. Runs without a session are no sessions. */
export async function countActiveSessions(tx: Tx, user: string | null): Promise<number> {
  const [row] = await tx.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM perdure.sessions
      WHERE kind = 'session' AND status = 'active' AND ($1::text IS NULL OR user_id = $1)`,
    [user],
  );
  return row?.n ?? 0;
}

/**
 * Until the transaction is over nobody else changes by a limit's leave how many sessions of a user, or of everybody, are
 * active. Taken after the session's own lock, and a user's before everybody's.
 */
export async function lockActiveSessionLimit(tx: Tx, user: string | null): Promise<void> {
  await tx.query(
    `SELECT pg_advisory_xact_lock(hashtextextended('perdure sessions ' || coalesce('of ' || $1::text, ''), 0))`,
    [user],
  );
}
