import type { RunError } from '../../contracts/session/run.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import { abandonedOutcome, closeCall } from './close-call.ts';
import { commitReply } from './commit-reply.ts';
import type { LoadedRun } from './load-run.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { NO_CALL_ROWS, settleModelCall, UNKNOWN_COST, type CallCost, type CallRows } from '../budgets/model-call.ts';
import { costRecordOf, usageOf } from '../log/rows.ts';

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
}

/**
 * Ends a run that did not complete: closes its open tool calls, commits the partial reply and appends the run's end. A
 * model call without a partial reply stays open, because the worker that makes it may still report it.
 */
export function closeRun(
  session: LockedSession,
  pending: PendingEvents,
  loaded: LoadedRun,
  end: RunEnd,
  partial: PartialReply | null,
): CallRows {
  const { run, step, openCalls } = loaded;
  const calls = settleStoppedCall(session, loaded, partial);
  const why = end.status === 'failed' ? 'the run failed' : 'the run was cancelled';
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

/** Settles the model call of a partial reply as `stopped`. */
export function settleStoppedCall(
  session: LockedSession,
  { run, modelCall }: LoadedRun,
  partial: PartialReply | null,
): CallRows {
  const matches = modelCall?.step === partial?.step && modelCall?.attempt === partial?.attempt;
  if (!partial || !matches || modelCall?.outcome !== 'running') return NO_CALL_ROWS;
  const { firstTokenMs, durationMs, cost = UNKNOWN_COST } = partial;
  return settleModelCall(session, run, modelCall, { outcome: 'stopped', usage: null, cost, firstTokenMs, durationMs });
}

function replyOf({ text, reasoning, model, throughSeq, firstTokenMs, durationMs }: PartialReply) {
  return { text, reasoning, model, throughSeq, firstTokenMs, durationMs };
}
