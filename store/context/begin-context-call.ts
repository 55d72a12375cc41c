import type { ContextPhase } from '../../contracts/capabilities/context-provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** A call of a context provider by the activity that serves the session. */
export interface ContextCallId {
  readonly runId: string;
  readonly phase: ContextPhase;
  readonly provider: string;
  /** Epoch of the activity; null for a call in the background, which no activity that serves the session makes. */
  readonly epoch: number | null;
}

/**
 * Counts an attempt of a call before it is made, so that attempts whose worker was lost have an end. Returns the number of
 * the attempt, from 1, since the run was last resumed after a failure of the call. Null: the call has its outcome, another
 * activity serves the session, or the session was removed.
 */
export async function beginContextCall(
  db: Db,
  key: SessionKey,
  { runId, phase, provider, epoch, position }: ContextCallId & { readonly position: number },
): Promise<number | null> {
  // The lock of the session's row keeps a call from being inserted into a session that is being removed.
  const [begun] = await db.query<{ attempts: number }>(
    `INSERT INTO perdure.context_calls AS c
            (user_id, session_id, run_id, phase, provider, position, status, attempts, started_at)
     SELECT $1, $2, $3, $4, $5, $6::integer, 'running', 1, clock_timestamp()
       FROM (SELECT 1 FROM perdure.sessions
              WHERE user_id = $1 AND session_id = $2
                AND (epoch = $7::integer OR ($7::integer IS NULL AND status <> 'archived')) FOR UPDATE) s
         ON CONFLICT (user_id, session_id, run_id, phase, provider) DO UPDATE
        SET status = 'running', ended_at = NULL,
            started_at = CASE c.status WHEN 'failed' THEN EXCLUDED.started_at ELSE c.started_at END,
            error = CASE c.status WHEN 'failed' THEN NULL ELSE c.error END,
            attempts = CASE c.status WHEN 'failed' THEN 1 ELSE c.attempts + 1 END
      WHERE c.status IN ('running', 'failed')
     RETURNING attempts`,
    [key.user, key.session, runId, phase, provider, position, epoch],
  );
  return begun?.attempts ?? null;
}

/** Records why an attempt failed that is repeated, or why the last one failed the run. */
export async function recordContextFailure(
  db: Db,
  key: SessionKey,
  { runId, phase, provider }: ContextCallId,
  { error, final }: { readonly error: string; readonly final: boolean },
): Promise<void> {
  await db.query(
    `UPDATE perdure.context_calls
        SET error = $6, status = CASE WHEN $7::boolean THEN 'failed' ELSE status END,
            ended_at = CASE WHEN $7::boolean THEN clock_timestamp() END
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND phase = $4 AND provider = $5 AND status = 'running'`,
    [key.user, key.session, runId, phase, provider, error, final],
  );
}

/** Takes back an attempt that was stopped because the worker leaves: it does not count. Does nothing once a later attempt was begun. */
export async function releaseContextCall(
  db: Db,
  key: SessionKey,
  { runId, phase, provider, attempt }: ContextCallId & { readonly attempt: number },
): Promise<void> {
  await db.query(
    `UPDATE perdure.context_calls SET attempts = greatest(0, attempts - 1)
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND phase = $4 AND provider = $5 AND status = 'running'
        AND attempts = $6::integer`,
    [key.user, key.session, runId, phase, provider, attempt],
  );
}
