import type { Tx } from '../db/db.ts';
import {
  awaitsReport,
  NO_CALL_ROWS,
  settleModelCall,
  type CallRows,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { ModelCallRow, RunRow } from '../log/rows.ts';
import type { LoadedRun } from './load-run.ts';

/** Identifies one attempt of a step's model call within its run. */
export interface Attempt {
  readonly step: number;
  readonly attempt: number;
}

/**
 * Settles a model call by the report of the worker that made it. If the call was settled without a report, because its run
 * has ended or a later attempt was claimed, the report replaces the estimate. A repeated report changes nothing.
 */
export async function reportCall(
  tx: Tx,
  session: LockedSession,
  { run, modelCall: newest }: Pick<LoadedRun, 'modelCall'> & { readonly run: RunRow },
  { step, attempt }: Attempt,
  end: ModelCallEnd,
): Promise<CallRows> {
  const isNewest = newest?.step === step && newest.attempt === attempt;
  const call = isNewest ? newest : await loadModelCall(tx, session, run.run_id, { step, attempt });
  const open = call?.outcome === 'running' || (call && awaitsReport(call));
  return open ? settleModelCall(session, run, call, end) : NO_CALL_ROWS;
}

async function loadModelCall(
  tx: Tx,
  { key }: LockedSession,
  runId: string,
  { step, attempt }: Attempt,
): Promise<ModelCallRow | null> {
  const [found] = await tx.query<{ call: ModelCallRow }>(
    `SELECT to_json(c) AS call FROM perdure.model_calls c
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND step = $4 AND attempt = $5`,
    [key.user, key.session, runId, step, attempt],
  );
  return found?.call ?? null;
}
