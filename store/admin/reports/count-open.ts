import type { Db } from '../../db/db.ts';
import { isClaimed } from '../../rows/row-claims.ts';
import { isHeld } from '../../runs/held-runs.ts';

export interface OpenRunCounts {
  readonly queuedRuns: number;
  readonly runningRuns: number;
  /** Runs that wait for an answer. */
  readonly waitingRuns: number;
  /** Age of the oldest queued run of a session in which no run is running; 0 without one. */
  readonly oldestQueuedSeconds: number;
}

export interface OpenCounts extends OpenRunCounts {
  readonly activeSessions: number;
}

/** For operators: counts active sessions and open runs of all users. Runs without a session count as runs only. */
export async function countOpen(db: Db): Promise<OpenCounts> {
  return { activeSessions: await countActive(db), ...(await countOpenRuns(db)) };
}

/** For operators: counts the active sessions of all users. Reads all sessions. */
export async function countActive(db: Db): Promise<number> {
  const [row] = await db.query<{ sessions: number }>(
    `SELECT count(*)::int AS sessions FROM perdure.sessions WHERE status = 'active' AND kind = 'session'`,
    [],
  );
  return row?.sessions ?? 0;
}

/** For operators: counts the open runs of all users. */
export async function countOpenRuns(db: Db): Promise<OpenRunCounts> {
  const [counts] = await db.query<{
    queued: number;
    running: number;
    waiting: number;
    oldest: number;
  }>(
    `SELECT count(*) FILTER (WHERE status = 'queued')::int AS queued,
            count(*) FILTER (WHERE status = 'running')::int AS running,
            count(*) FILTER (WHERE status = 'waiting')::int AS waiting,
            -- A run behind another one waits for that, not for a worker.
            (SELECT coalesce(greatest(0, extract(epoch FROM clock_timestamp() - min(q.created_at))), 0)::float8
               FROM perdure.runs q
              WHERE q.status = 'queued' AND NOT ${isHeld('q')} AND NOT ${isClaimed('q')} AND NOT EXISTS (
                    SELECT FROM perdure.runs r
                     WHERE r.user_id = q.user_id AND r.session_id = q.session_id AND r.status = 'running')) AS oldest
       FROM perdure.runs o
      WHERE status IN ('queued', 'running', 'waiting') AND NOT ${isClaimed('o')}`,
    [],
  );
  const { queued = 0, running = 0, waiting = 0, oldest = 0 } = counts ?? {};
  return { queuedRuns: queued, runningRuns: running, waitingRuns: waiting, oldestQueuedSeconds: oldest };
}
