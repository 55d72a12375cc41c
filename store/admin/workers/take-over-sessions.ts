import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import type { SessionWithOpenRuns } from '../sweeps/list-sessions-with-open-runs.ts';
import { hasWork } from '../../runs/held-runs.ts';

/** A session whose server is lost. `epoch`: the session's from then on. */
export interface LostSession extends SessionWithOpenRuns {
  readonly epoch: number;
}

/** For workers: the identities of workers of a task queue whose leases have run out and whose sessions may not have been taken over, longest ago first. */
export async function findLostWorkers(db: Db, taskQueue: string): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT worker_id AS id FROM perdure.workers
      WHERE taken_over_at IS NULL AND expires_at <= clock_timestamp() AND task_queue = $1
      ORDER BY expires_at LIMIT 20`,
    [taskQueue],
  );
  return rows.map(({ id }) => id);
}

/**
 * For workers: ends the serving of at most `limit` sessions by a lost worker, whose commits are refused from then on. Returns
 * those with an open run, whose workflows have to start another activity, and whether there may be more.
 */
export async function takeOverSessions(
  db: Db,
  workerId: string,
  limit: number,
): Promise<{ readonly withOpenRuns: LostSession[]; readonly isComplete: boolean }> {
  const rows = await db.query<{ user: string; session: string; kind: 'session' | 'run'; epoch: number; open: boolean }>(
    `WITH lost AS (
       SELECT user_id, session_id FROM perdure.sessions WHERE served_by = $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
     UPDATE perdure.sessions s SET served_by = NULL, epoch = s.epoch + 1 FROM lost
      WHERE s.user_id = lost.user_id AND s.session_id = lost.session_id AND s.served_by = $1
     RETURNING s.user_id AS "user", s.session_id AS session, s.kind, s.epoch, EXISTS (
               SELECT 1 FROM perdure.runs r WHERE r.user_id = s.user_id AND r.session_id = s.session_id
                  AND r.status IN ('queued', 'running', 'waiting')) AS open`,
    [workerId, limit],
  );
  for (const { user, session } of rows) db.memory?.forget({ user, session });
  const withOpenRuns = rows
    .filter(({ open }) => open)
    .map(({ user, session, kind, epoch }) => ({ key: { user, session }, kind, epoch }));
  if (rows.length > 0) return { withOpenRuns, isComplete: false };
  const [rest] = await db.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM perdure.sessions WHERE served_by = $1) AS any`,
    [workerId],
  );
  return { withOpenRuns, isComplete: rest?.any === false };
}

/** For workers: sessions with an open run that no activity serves, in no order, at most `limit`. */
export async function listUnserved(db: Db, limit: number): Promise<SessionWithOpenRuns[]> {
  const rows = await db.query<{ user: string; session: string; kind: 'session' | 'run' }>(
    `SELECT s.user_id AS "user", s.session_id AS session, s.kind FROM perdure.sessions s
      WHERE s.served_by IS NULL AND (s.user_id, s.session_id) IN
            (SELECT r.user_id, r.session_id FROM perdure.runs r WHERE ${hasWork('r')})
      LIMIT $1`,
    [limit],
  );
  return rows.map(({ user, session, kind }) => ({ key: { user, session }, kind }));
}

/**
 * For workers: ends the serving of a session by an activity that has not claimed a run. Returns the session's epoch from then on;
 * null if another activity serves it.
 */
export async function supersedeServer(db: Db, { user, session }: SessionKey): Promise<number | null> {
  db.memory?.forget({ user, session });
  const [row] = await db.query<{ epoch: number }>(
    `UPDATE perdure.sessions SET epoch = epoch + 1
      WHERE user_id = $1 AND session_id = $2 AND served_by IS NULL RETURNING epoch`,
    [user, session],
  );
  return row?.epoch ?? null;
}

/** For workers: records that no session is served by a lost worker any more. */
export async function noteTakenOver(db: Db, workerId: string): Promise<void> {
  await db.query(
    `UPDATE perdure.workers SET taken_over_at = clock_timestamp()
      WHERE worker_id = $1 AND expires_at <= clock_timestamp()`,
    [workerId],
  );
}
