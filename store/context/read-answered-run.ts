import type { Policy } from '../../contracts/agent.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionState } from '../../contracts/session/state.ts';
import type { Db } from '../db/db.ts';

/** What context providers get of a run and its session. */
export interface AnsweredRunRow {
  readonly metadata: JsonObject;
  readonly state: SessionState;
  /** Null before the answer. */
  readonly output: string | null;
  readonly object: JsonObject | null;
  /** `provider/model`, of the answer if there is one; null before the run has started. */
  readonly model: string | null;
  /** The session's. */
  readonly policy: Policy;
}

/** Reads a run with the metadata and state of its session; null when there is none. */
export async function readAnsweredRun(db: Db, key: SessionKey, runId: string): Promise<AnsweredRunRow | null> {
  const [found] = await db.query<AnsweredRunRow>(
    `SELECT s.metadata, s.state, s.policy, r.output, r.object, coalesce(r.answer_model, r.model) AS model
       FROM perdure.runs r JOIN perdure.sessions s ON s.user_id = $1 AND s.session_id = $2
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3`,
    [key.user, key.session, runId],
  );
  return found ?? null;
}
