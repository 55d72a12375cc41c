import type { StepTry } from '../../core/providers/plan-models.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { RunRow, StepRow } from '../log/rows.ts';

/** Reads the attempts of the step that is next in a run, and of the one before, in order. `step`: the newest step. */
export async function readTries(
  tx: Tx,
  key: SessionKey,
  { run: { run_id }, step }: { readonly run: Pick<RunRow, 'run_id'>; readonly step: StepRow | null },
): Promise<StepTry[]> {
  return await tx.query<StepTry>(
    `SELECT step, attempt, model, outcome = 'completed' AS answered, coalesce(gave_up, false) AS "gaveUp",
            error_code AS "errorCode"
       FROM perdure.model_calls
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND step BETWEEN $4::int - 1 AND $4::int
      ORDER BY step, attempt`,
    [key.user, key.session, run_id, nextStepOf(step)],
  );
}

/** The number of the step that is next after the newest one, or of that one if it is not committed. */
export function nextStepOf(newest: StepRow | null): number {
  if (newest === null) return 1;
  return newest.committed ? newest.step + 1 : newest.step;
}
