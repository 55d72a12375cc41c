import type { LoadedRun } from '../runs/load-run.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { NO_CALL_ROWS, settleModelCall, unreportedEnd, type CallRows } from '../budgets/model-call.ts';
import type { StepRow } from '../log/rows.ts';

/** Settles the previous attempt of a step as `lost` if its outcome was not reported: it is charged the estimate of its input. */
export function settleLostCall(session: LockedSession, { run, modelCall }: LoadedRun, next: StepRow): CallRows {
  const superseded = modelCall?.step === next.step && modelCall.attempt < next.attempts;
  if (!superseded || modelCall.outcome !== 'running') return NO_CALL_ROWS;
  return settleModelCall(session, run, modelCall, unreportedEnd('lost'));
}
