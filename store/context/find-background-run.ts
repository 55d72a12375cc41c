import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** A completed run with calls of `afterRun` left for the background. */
export interface BackgroundRun {
  readonly runId: string;
  readonly agentVersion: string;
  /** How many runs of the session have such calls, this one included. */
  readonly waiting: number;
  /** Time since it has completed. */
  readonly waitedMs: number;
}

/** Finds the session's oldest run with calls left for the background; null if there is none, or if the session is archived. */
export async function findBackgroundRun(db: Db, key: SessionKey): Promise<BackgroundRun | null> {
  const [found] = await db.query<BackgroundRun>(
    `SELECT run_id AS "runId", agent_version AS "agentVersion", (count(*) OVER ())::integer AS waiting,
            (extract(epoch FROM clock_timestamp() - ended_at) * 1000)::float8 AS "waitedMs"
       FROM perdure.runs
      WHERE user_id = $1 AND session_id = $2 AND (context ->> 'background') = 'true' AND status = 'completed'
        AND agent_version IS NOT NULL
      ORDER BY ordinal LIMIT 1`,
    [key.user, key.session],
  );
  return found ?? null;
}
