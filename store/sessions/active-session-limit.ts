import type { Tx } from '../db/db.ts';

/** Counts the active sessions of a user, or of all users (`user` null). Runs without a session are not counted. */
export async function countActiveSessions(tx: Tx, user: string | null): Promise<number> {
  const [row] = await tx.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM perdure.sessions
      WHERE kind = 'session' AND status = 'active' AND ($1::text IS NULL OR user_id = $1)`,
    [user],
  );
  return row?.n ?? 0;
}

/**
 * Takes the advisory lock that serialises checks of the limit of active sessions, of a user or of all users (`user`
 * null), until the transaction ends. Lock order: session row, user, global.
 */
export async function lockActiveSessionLimit(tx: Tx, user: string | null): Promise<void> {
  await tx.query(
    `SELECT pg_advisory_xact_lock(hashtextextended('perdure sessions ' || coalesce('of ' || $1::text, ''), 0))`,
    [user],
  );
}
