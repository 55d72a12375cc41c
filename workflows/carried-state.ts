import type { VersioningBehavior } from '@temporalio/common';
import { makeContinueAsNewFunc, workflowInfo, type Workflow } from '@temporalio/workflow';
import type { SessionInfo } from '../activities/shared/contract.ts';
import { isUndecodable, undecodableProblem } from '../contracts/undecodable.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import type { RunDigest, StepDigest } from '../core/session/session-details.ts';

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
  /** The run that ended last. */
  readonly lastRun?: RunDigest | null;
  /** Whether activities linger. */
  readonly lingers?: boolean;
  /** The newest epoch of the session that was reported: the number of activities that had begun to serve it. */
  readonly epoch?: number;
  /** Whether runs may have left calls for the background. */
  readonly background?: boolean;
  /** Time of the next expiry check, in milliseconds since 1970. */
  readonly dueAtMs?: number | null;
  /** Time of the next deadline or reminder of a tool call that waits, in milliseconds since 1970. */
  readonly settleAtMs?: number;
}

/**
 * The state that the previous execution handed over; null in a first execution, whatever its argument. A retry policy or
 * cron schedule of the caller repeats an execution with the same argument, so those are first executions too. Throws, which fails
 * the workflow task until a worker has the key, if it cannot be decrypted.
 */
export function carriedState(argument: unknown): CarriedState | null {
  const { continuedFromExecutionRunId, attempt, cronSchedule } = workflowInfo();
  const isContinuation = continuedFromExecutionRunId !== undefined && attempt === 1 && cronSchedule === undefined;
  if (!isContinuation) return null;
  if (isUndecodable(argument)) throw new Error(undecodableProblem(argument));
  return argument as CarriedState;
}

/** Messages received by this execution. */
export interface MessageCounts {
  updates: number;
  signals: number;
  /** Whether somebody has asked this execution to continue as new. */
  isAsked: boolean;
}

/** Whether it is time to continue as new. `counts` are of this execution. */
export function historyIsLong(counts: MessageCounts): boolean {
  const info = workflowInfo();
  return (
    info.continueAsNewSuggested ||
    info.historyLength > 4_000 ||
    info.historySize > 4 * 1024 * 1024 ||
    counts.updates > 1_500 ||
    counts.signals > 8_000 ||
    counts.isAsked ||
    info.targetWorkerDeploymentVersionChanged
  );
}

/** The SDK's state of the workflow. The behaviour is part of the completion of each of its tasks. */
declare const __TEMPORAL_ACTIVATOR__: { versioningBehavior?: VersioningBehavior } | undefined;

/**
 * Continues as new on the current version of the deployment. Without worker versioning, as `continueAsNew`.
 *
 * A pinned workflow would stay with its version. Newer servers take the behaviour of the next execution from the
 * command. Older ones take it from the task that issues the command, so this task is completed as one that upgrades.
 */
export async function continueOnCurrentVersion<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  if (workflowInfo().currentDeploymentVersion?.deploymentName && __TEMPORAL_ACTIVATOR__) {
    __TEMPORAL_ACTIVATOR__.versioningBehavior = 'AUTO_UPGRADE';
  }
  return await makeContinueAsNewFunc<F>({ initialVersioningBehavior: 'AUTO_UPGRADE' })(...args);
}
