import { workflowInfo } from '@temporalio/workflow';
import type { SessionFacts } from '../activities/shared/contract.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import type { StepDigest } from '../core/session/session-details.ts';

/** What goes from one execution to the next: references and counters, never content. */
export interface CarriedState {
  readonly facts: SessionFacts;
  readonly queue: readonly OpenRun[];
  /** The run of the queue that has begun. */
  readonly begun?: string | null;
  readonly runsEnded: number;
  readonly continuedAsNew: number;
  readonly steps: readonly StepDigest[];
  /** When to look whether the session has expired. */
  readonly dueAtMs?: number | null;
}

/**
 * The state that the execution before handed on; null for a first one, whatever a stranger passed as arguments. A
 * stranger's retry policy or cron schedule starts an execution again with those arguments: they don't pass either.
 */
export function carriedState(argument: unknown): CarriedState | null {
  const { continuedFromExecutionRunId, attempt, cronSchedule } = workflowInfo();
  const handedOn = continuedFromExecutionRunId !== undefined && attempt === 1 && cronSchedule === undefined;
  return handedOn ? (argument as CarriedState) : null;
}

/** Whether this execution's history is long enough. Counts are of this execution. */
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
