import type { RunDetail } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { runDetailOf, type RunParts } from '../runs/records.ts';

/** Reads a run with its steps, tool calls and model calls from one snapshot; null when there is none. A run without a session is stored under its own id as session id. */
export async function readRun(db: Db, key: SessionKey, runId: string): Promise<RunDetail | null> {
  const [found] = await db.query<RunParts>(
    `SELECT to_json(r) AS run,
            (SELECT coalesce(json_agg(s ORDER BY s.step), '[]') FROM perdure.steps s
              WHERE s.user_id = $1 AND s.session_id = $2 AND s.run_id = $3) AS steps,
            (SELECT coalesce(json_agg(t ORDER BY t.step, t.position), '[]') FROM perdure.tool_calls t
              WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = $3) AS calls,
            (SELECT coalesce(json_agg(c ORDER BY c.step, c.attempt), '[]') FROM perdure.model_calls c
              WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3) AS "modelCalls"
       FROM perdure.runs r
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3`,
    [key.user, key.session, runId],
  );
  return found ? runDetailOf(found) : null;
}
