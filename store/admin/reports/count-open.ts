import type { Db } from '../../db/db.ts';

export interface OpenCounts {
  readonly activeSessions: number;
  readonly queuedRuns: number;
  readonly runningRuns: number;
}

/** For operators: counts active sessions and open runs of all users. Runs without a session count as runs only. */
export async function countOpen(db: Db): Promise<OpenCounts> {
  const [counts] = await db.query<{ sessions: number; queued: number; running: number }>(
    `SELECT (SELECT count(*)::int FROM perdure.sessions WHERE status = 'active' AND kind = 'session') AS sessions,
            count(*) FILTER (WHERE status = 'queued')::int AS queued,
            count(*) FILTER (WHERE status = 'running')::int AS running
       FROM perdure.runs
      WHERE status IN ('queued', 'running')`,
    [],
  );
  const { sessions = 0, queued = 0, running = 0 } = counts ?? {};
  return { activeSessions: sessions, queuedRuns: queued, runningRuns: running };
}
