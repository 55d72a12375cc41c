import type { StopReason } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Tx } from '../../db/db.ts';

/**
 * Records why the stop of an open run was requested. `commitRunEnd` cancels the run for that reason, also when the stop
 * reaches the activity as Temporal's cancellation, and `beginStep` begins no further step. The first reason is kept. Does
 * nothing to a run that is not open. The caller holds the session's lock, and does not save the session's row.
 */
export async function markStop(tx: Tx, key: SessionKey, runId: string, reason: StopReason): Promise<void> {
  await setStopReason(tx, key, runId, reason);
  // So that no step begins on what was read before.
  await tx.query(
    `UPDATE perdure.sessions SET updated_at = greatest(clock_timestamp(), updated_at)
      WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
}

/** As {@link markStop}, for a caller that saves the session's row. */
export async function setStopReason(tx: Tx, key: SessionKey, runId: string, reason: StopReason): Promise<void> {
  await tx.query(
    `UPDATE perdure.runs SET stop_reason = $4
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND stop_reason IS NULL
        AND status IN ('queued', 'running', 'waiting')`,
    [key.user, key.session, runId, reason],
  );
}

/** Clears the recorded reasons of a session: of one run, which is resumed, or of all open runs. The caller holds the session's lock. */
export async function clearStopReasons(tx: Tx, key: SessionKey, runId: string | null): Promise<void> {
  await tx.query(
    `UPDATE perdure.runs SET stop_reason = NULL
      WHERE user_id = $1 AND session_id = $2 AND stop_reason IS NOT NULL
        AND (run_id = $3 OR ($3 IS NULL AND status IN ('queued', 'running', 'waiting')))`,
    [key.user, key.session, runId],
  );
}
