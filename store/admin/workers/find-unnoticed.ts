import type { StopReason } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { isHeld } from '../../runs/held-runs.ts';

/** Rows of one answer. The next call returns others. */
const LIMIT = 100;

/**
 * For workers: sessions that a worker serves in which runs are queued and none is running. Normally there is none for longer
 * than a few milliseconds.
 */
export async function findWaitingSessions(db: Db, workerId: string): Promise<SessionKey[]> {
  return await db.query<{ user: string; session: string }>(
    `SELECT s.user_id AS "user", s.session_id AS session FROM perdure.sessions s
      WHERE s.served_by = $1
        AND EXISTS (SELECT 1 FROM perdure.runs r
                     WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND r.status = 'queued' AND NOT ${isHeld('r')})
        AND NOT EXISTS (SELECT 1 FROM perdure.runs r
                         WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND r.status = 'running')
      LIMIT ${LIMIT}`,
    [workerId],
  );
}

export interface RequestedStop {
  readonly key: SessionKey;
  readonly runId: string;
  readonly reason: StopReason;
}

/** For workers: running runs of the sessions that a worker serves whose stop was requested. */
export async function findRequestedStops(db: Db, workerId: string): Promise<RequestedStop[]> {
  const rows = await db.query<{ user: string; session: string; runId: string; reason: StopReason }>(
    `SELECT r.user_id AS "user", r.session_id AS session, r.run_id AS "runId", r.stop_reason AS reason
       FROM perdure.runs r
       JOIN perdure.sessions s ON s.user_id = r.user_id AND s.session_id = r.session_id AND s.served_by = $1
      WHERE r.stop_reason IS NOT NULL AND r.status = 'running'
      LIMIT ${LIMIT}`,
    [workerId],
  );
  return rows.map(({ user, session, runId, reason }) => ({ key: { user, session }, runId, reason }));
}
