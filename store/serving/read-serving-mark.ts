import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { isHeldInSession } from '../runs/held-runs.ts';

/** Who serves a session. */
export interface ServingMark {
  readonly epoch: number;
  /** The worker whose activity serves the session; null for none. */
  readonly served_by: string | null;
}

/** Who serves a session, and whether a run of it is queued behind one that waits for an answer. Null if there is no such session. */
export async function readServingMark(
  db: Tx,
  { user, session }: SessionKey,
  runId: string,
): Promise<{ readonly mark: ServingMark; readonly isHeld: boolean } | null> {
  const [row] = await db.query<ServingMark & { readonly isHeld: boolean }>(
    `SELECT s.epoch, s.served_by, EXISTS (
            SELECT FROM perdure.runs r WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3 AND ${isHeldInSession('r')}
            ) AS "isHeld"
       FROM perdure.sessions s WHERE s.user_id = $1 AND s.session_id = $2`,
    [user, session, runId],
  );
  return row ? { mark: { epoch: row.epoch, served_by: row.served_by }, isHeld: row.isHeld } : null;
}
