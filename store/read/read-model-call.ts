import type { Policy } from '../../contracts/agent.ts';
import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { CallOutcome } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** A model call of a run, with what is needed to compose its context again. */
export interface ModelCall {
  readonly agent: string;
  /** The hash of the version that the run had pinned by then. */
  readonly agentVersion: string;
  readonly step: number;
  readonly attempt: number;
  /** `provider/model`. */
  readonly model: string;
  readonly outcome: CallOutcome;
  readonly inputTokens: number | null;
  /** How its context was composed; null if that was not recorded. */
  readonly context: ContextRecord | null;
  /** The newest event that its context may contain, where that was not recorded. */
  readonly throughSeq: number;
  /** The session's policy of today. */
  readonly policy: Policy;
}

/** Names a call of a run. Default: its last step, and of a step the attempt that was answered, else the last one. */
export interface CallName {
  readonly step?: number | undefined;
  readonly attempt?: number | undefined;
}

/** Reads a model call; null if the run has none of that name. */
export async function readModelCall(
  db: Db,
  key: SessionKey,
  runId: string,
  { step, attempt }: CallName,
): Promise<ModelCall | null> {
  const [found] = await db.query<ModelCall>(
    `SELECT c.agent, started.version AS "agentVersion", c.step, c.attempt, c.model, c.outcome,
            c.input_tokens::float8 AS "inputTokens", c.context, s.policy, newest.seq AS "throughSeq"
       FROM perdure.model_calls c
       JOIN perdure.sessions s ON s.user_id = $1 AND s.session_id = $2
      CROSS JOIN LATERAL (
        SELECT coalesce((c.context->>'throughSeq')::int,
                        (SELECT (e.data->>'throughSeq')::int FROM perdure.events e
                          WHERE e.user_id = $1 AND e.session_id = $2 AND e.run_id = $3
                            AND e.type = 'message.completed' AND e.step = c.step AND e.attempt = c.attempt),
                        s.head) AS seq) newest
      CROSS JOIN LATERAL (
        SELECT e.data->>'agentVersion' AS version FROM perdure.events e
         WHERE e.user_id = $1 AND e.session_id = $2 AND e.run_id = $3
           AND e.type = 'run.started' AND e.seq <= newest.seq
         ORDER BY e.seq DESC LIMIT 1) started
      WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3
        AND ($4::int IS NULL OR c.step = $4) AND ($5::int IS NULL OR c.attempt = $5)
      ORDER BY c.step DESC, (c.outcome = 'completed') DESC, c.attempt DESC
      LIMIT 1`,
    [key.user, key.session, runId, step ?? null, attempt ?? null],
  );
  return found ?? null;
}
