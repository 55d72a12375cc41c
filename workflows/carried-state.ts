import { workflowInfo } from '@temporalio/workflow';
import type { SessionInfo } from '../activities/shared/contract.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import type { StepDigest } from '../core/session/session-details.ts';

/**
 * The input of the next execution: references and counters, never content. Histories record it, and the next version of
 * this code reads it: add fields as optional, and never change the name or the meaning of one.
 */
export interface CarriedState {
  readonly facts: SessionInfo;
  /** The waiting runs, in their order. */
  readonly queue: readonly OpenRun[];
  /** Id of the run of the queue that was executing and continues first. */
  readonly begun?: string | null;
  readonly runsEnded: number;
  readonly continuedAsNew: number;
  readonly steps: readonly StepDigest[];
  /** Time of the next expiry check, in milliseconds since 1970. */
  readonly dueAtMs?: number | null;
}

/**
 * The state that the previous execution handed over; null in a first execution, whatever its argument. A retry policy or
 * cron schedule of the caller repeats an execution with the same argument, so those are first executions too.
 */
export function carriedState(argument: unknown): CarriedState | null {
  const { continuedFromExecutionRunId, attempt, cronSchedule } = workflowInfo();
  const isContinuation = continuedFromExecutionRunId !== undefined && attempt === 1 && cronSchedule === undefined;
  return isContinuation ? (argument as CarriedState) : null;
}

/** Whether it is time to continue as new. `counts` are of this execution. */
export function historyIsLong(counts: { readonly updates: number; readonly signals: number }): boolean {
  const info = workflowInfo();
  return (
    info.continueAsNewSuggested ||
    info.historyLength > 4_000 ||
    info.historySize > 4 * 1024 * 1024 ||
    counts.updates > 1_500 ||
    counts.signals > 8_000
  );
}
