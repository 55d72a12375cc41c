import type { LoadedRun } from './load-run.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { LOST, NO_CALL_ROWS, settleCall, type CallRows } from '../budgets/model-call.ts';
import type { StepRow } from '../log/rows.ts';

/** Notes that the attempt before this one was lost, if nobody has said how it ended. What it reserved stays held. */
export function lostBefore(session: LockedSession, { run, modelCall }: LoadedRun, next: StepRow): CallRows {
  const superseded = modelCall?.step === next.step && modelCall.attempt < next.attempts;
  if (!superseded || modelCall.outcome !== 'running') return NO_CALL_ROWS;
  return settleCall(session, run, modelCall, LOST);
}
