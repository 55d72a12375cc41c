import { isOpen } from '../../core/session/open-status.ts';
import { continueRun } from '../inbox/continue-run.ts';
import type { RunRow, ToolCallRow } from '../log/rows.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import { closeCall, type ToolOutcome } from '../runs/close-call.ts';
import type { LoadedRun } from '../runs/load-run.ts';

/** How the call of a child ends. */
interface EndedChildCall {
  readonly callId: string;
  /** When the child was admitted; null if it was not. */
  readonly startedAt: string | null;
  readonly outcome: ToolOutcome;
}

/**
 * Closes the call of a child that has ended, if it waits, and queues the run that waits for it once it has work: the call was
 * the last that waited, or others are to be executed. Changes the rows of the session and of `loaded`. Returns the closed call,
 * null if it has a result.
 */
export function settleChildCall(
  session: LockedSession,
  pending: PendingEvents,
  { run, openCalls }: LoadedRun,
  { callId, startedAt, outcome }: EndedChildCall,
): ToolCallRow | null {
  const call = openCalls.find((open) => open.call_id === callId && open.status === 'waiting');
  if (!call || !isOpen(run.status)) return null;
  call.attempts = 1;
  call.started_at = startedAt;
  closeCall(pending, call, outcome, session.at, null);
  continueRun(
    session,
    run,
    openCalls.filter(({ ended_at }) => ended_at === null),
  );
  session.row.last_active_at = session.at;
  return call;
}

/** What a run is charged: what it has used with its children, and estimates where that is unknown. */
export function chargedOf(run: RunRow): { readonly nanos: number; readonly tokens: number } {
  const { known_input_tokens, known_output_tokens, estimated_input_tokens, estimated_output_tokens } = run;
  return {
    nanos: run.cost_nanos + run.estimated_nanos,
    tokens: known_input_tokens + known_output_tokens + estimated_input_tokens + estimated_output_tokens,
  };
}
