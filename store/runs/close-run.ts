import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { RunError } from '../../contracts/session/run.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import { abandonedOutcome, closeCall } from './close-call.ts';
import { commitReply } from './commit-reply.ts';
import { completeRun } from './complete-run.ts';
import type { LoadedRun } from './load-run.ts';
import type { LockedSession } from '../log/lock-session.ts';
import {
  NO_CALL_ROWS,
  settleModelCall,
  UNKNOWN_COST,
  unreportedEnd,
  type CallCost,
  type CallEstimate,
  type CallRows,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import { costRecordOf, usageOf } from '../log/sums.ts';

/** The end of a run that did not complete. */
export type RunEnd =
  | { readonly status: 'failed'; readonly error: RunError }
  | { readonly status: 'cancelled'; readonly reason: string };

/** A model's reply that was cut short. */
export interface PartialReply {
  readonly step: number;
  readonly attempt: number;
  /** When empty, only the time is committed. */
  readonly text: string;
  readonly reasoning: string;
  readonly model: string;
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** Default: unknown, since providers report usage at the end of a reply. Known for a free model. */
  readonly cost?: CallCost;
  /** Charged while the usage is unknown. Default: the estimate that was recorded before the call. */
  readonly estimate?: CallEstimate | null;
  /** How the context of the call was composed. Default: unknown. */
  readonly context?: ContextRecord;
}

/**
 * Ends a run that did not complete: closes its open tool calls, settles its model call, commits the partial reply and
 * appends the run's end. A run whose answer is committed cannot be cancelled: it completes. The worker that makes the model call may still report it, which replaces the estimate.
 */
export function closeRun(
  session: LockedSession,
  pending: PendingEvents,
  loaded: LoadedRun,
  end: RunEnd,
  partial: PartialReply | null,
): CallRows {
  const { run, step, openCalls } = loaded;
  if (end.status === 'cancelled' && run.context?.phase === 'after') {
    completeRun(session, pending, run);
    return NO_CALL_ROWS;
  }
  const calls = settleOpenCall(session, loaded, end, partial);
  const why = end.status === 'failed' ? 'The run failed.' : 'The run was cancelled.';
  for (const call of openCalls) closeCall(pending, call, abandonedOutcome(call, why), session.at, null);
  const current = step && !step.committed && partial?.step === step.step && partial.attempt === step.attempts;
  if (current && partial.text !== '') {
    commitReply(session, pending, run, step, { ...replyOf(partial), finish: 'cancelled', usage: null, partial: true });
  } else if (current) {
    run.active_ms += partial.durationMs;
  }
  run.status = end.status;
  run.error = end.status === 'failed' ? end.error : null;
  run.ended_at = session.at;
  session.row.last_active_at = session.at;
  if (end.status === 'failed') session.row.errors += 1;
  const of = { runId: run.run_id, steps: run.steps, usage: usageOf(run), costUsd: costRecordOf(run).costUsd };
  const dedupe = `end:${run.run_id}:${run.resumes}`;
  if (end.status === 'failed') pending.add({ type: 'run.failed', ...of, error: end.error }, dedupe);
  else pending.add({ type: 'run.cancelled', ...of, reason: end.reason }, dedupe);
  return calls;
}

/** Settles the model call that is in progress, by the partial reply if that is its report. */
function settleOpenCall(
  session: LockedSession,
  { run, modelCall }: LoadedRun,
  end: RunEnd,
  partial: PartialReply | null,
): CallRows {
  if (modelCall?.outcome !== 'running') return NO_CALL_ROWS;
  const reported = modelCall.step === partial?.step && modelCall.attempt === partial.attempt;
  const unreported = unreportedEnd(end.status === 'cancelled' ? 'stopped' : 'lost');
  return settleModelCall(session, run, modelCall, reported ? stoppedEnd(partial) : unreported);
}

/** The end of the model call of a partial reply. */
export function stoppedEnd({
  firstTokenMs,
  durationMs,
  cost = UNKNOWN_COST,
  estimate,
  context,
}: PartialReply): ModelCallEnd {
  const charged = estimate === undefined ? {} : { estimate };
  return { outcome: 'stopped', usage: null, cost, context, firstTokenMs, durationMs, ...charged };
}

function replyOf({ text, reasoning, model, throughSeq, firstTokenMs, durationMs }: PartialReply) {
  return { text, reasoning, model, throughSeq, firstTokenMs, durationMs };
}
