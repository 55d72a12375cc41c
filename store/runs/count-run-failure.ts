import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/**
 * Counts a failure of an activity of an open run that is no failure of its model or tools. Returns the number of such
 * failures in a row; null when the run is not open. The commit of a step and a resume reset it.
 */
export async function countRunFailure(db: Db, key: SessionKey, runId: string): Promise<number | null> {
  const [run] = await db.query<{ failures: number }>(
    `UPDATE perdure.runs SET failures = failures + 1
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND status IN ('queued', 'running')
     RETURNING failures`,
    [key.user, key.session, runId],
  );
  return run?.failures ?? null;
}
