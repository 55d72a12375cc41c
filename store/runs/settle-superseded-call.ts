import type { LoadedRun } from './load-run.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { LOST_CALL, NO_CALL_ROWS, settleModelCall, type CallRows } from '../budgets/model-call.ts';
import type { StepRow } from '../log/rows.ts';

/** Notes that the attempt before this one was lost, if nobody has said how it ended. What it reserved stays held. */
export function settleSupersededCall(session: LockedSession, { run, modelCall }: LoadedRun, next: StepRow): CallRows {
  const superseded = modelCall?.step === next.step && modelCall.attempt < next.attempts;
  if (!superseded || modelCall.outcome !== 'running') return NO_CALL_ROWS;
  return settleModelCall(session, run, modelCall, LOST_CALL);
}
