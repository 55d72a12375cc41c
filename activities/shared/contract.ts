import type { BudgetFacts } from '../../contracts/budget.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { ACTIVITY_TYPE } from '../../contracts/names.ts';
import type { CountsRecorded } from '../../contracts/session/recorded-counts.ts';
import type { Receipt } from '../../contracts/session/message.ts';
import type { RunError, RunStatus, StopReason } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { StepDigest } from '../../core/session/session-details.ts';

/*
 * The activities that workflows call, and the inputs and outputs that workflow histories record.
 *
 * This file owns those shapes. It imports types of `contracts` and `core` only, never of `store`: what the store returns
 * must conform to them. A recorded shape changes by optional fields only, because open sessions and workers of another
 * version read it. Workflow code imports this file as types.
 *
 * No input carries a session key. An activity takes its session from the id of the workflow that called it.
 */

/** Local activities of a session. */
export interface SessionActivities {
  /** Validates and commits messages, in order. Returns a verdict for each. */
  admitMessages(input: AdmitInput): Promise<AdmitOutput>;
  /** Creates the session if it is absent. Fails with an `ErrorCode` as type. */
  openSession(input: { readonly request: unknown; readonly execution: string }): Promise<OpenOutput>;
  /** Merges metadata, state and policy. Fails with an `ErrorCode` as type. */
  updateSession(input: { readonly request: unknown }): Promise<UpdateOutput | undefined>;
  /** Adds counts of an application, once per key. Fails with an `ErrorCode` as type. */
  recordCounts(input: { readonly request: unknown }): Promise<CountsRecorded>;
  /** Ends the session and every open run. Fails with an `ErrorCode` as type. */
  endSession(input: { readonly request: unknown }): Promise<EndOutput>;
  /** Expires the session if it is due and has no open run. Otherwise returns when to check again. */
  expireSession(): Promise<ExpireOutput>;
  /** Does what is due in the session: reminders, and deadlines of approvals and client tools. */
  settleDue(): Promise<SettleDueOutput>;
  /** Answers an approval. Fails with an `ErrorCode` as type. */
  answerApproval(input: { readonly request: unknown }): Promise<AnswerOutput>;
  /** Hands in the result of a client tool's call. Fails with an `ErrorCode` as type. */
  answerClientCall(input: { readonly request: unknown }): Promise<AnswerOutput>;
  /** Records that the request of a signal was refused, if the session exists. */
  recordRefusal(input: { readonly code: string; readonly detail: string }): Promise<void>;
  /** Requeues a failed or cancelled run. Fails with an `ErrorCode` as type. */
  resumeRun(input: { readonly request: unknown; readonly execution: string | null }): Promise<ResumeOutput>;
  /** Cancels an open run. */
  cancelOpenRun(input: CancelOpenRunInput): Promise<CancelOpenRunOutput>;
  /** Publishes a stop on the live channel, which aborts the run's model call at once. */
  requestStop(input: StopRequest): Promise<StopOutput>;
  /** Ends a run that no activity is executing, unless it has ended. */
  endRun(input: EndRunInput): Promise<{ readonly status: RunStatus; readonly session: SessionStatus }>;
}

export interface AdvanceRunInput {
  readonly runId: string;
  /** Whether the activity goes on with other runs and lingers when there is none. Absent: it returns after this run. */
  readonly lingers?: boolean;
}

export interface StopRequest {
  readonly runId: string;
  readonly reason: StopReason;
  /** Whether the activity that serves the session goes on with other runs. Default: it returns. */
  readonly stays?: boolean;
  /** Whether no run is stopped: the activity that serves the session returns once no run is in progress. */
  readonly releases?: boolean;
  /** Whether any other run is stopped if the activity has gone on to it. Default: only this run. */
  readonly any?: boolean;
}

export interface StopOutput {
  /** Whether the run had completed or failed before the stop. Absent if not, or if the store did not answer in time. */
  readonly tooLate?: true;
}

export interface RunActivities {
  /** Advances a run until the workflow has to decide. If it lingers, also the runs that are admitted until it has lingered in vain. */
  advanceRun(input: AdvanceRunInput): Promise<Advance>;
  /** Executes one tool call. Its result is in the store. */
  runTool(input: { readonly runId: string; readonly callId: string }): Promise<void>;
  /** Calls `afterRun` of the context providers that the session's runs have left for the background. What they return is in the store. */
  callInBackground(): Promise<BackgroundCalls>;
}

export interface BackgroundCalls {
  /** For how many runs. */
  readonly runs: number;
  /** Whether some are left. Absent if none are. */
  readonly more?: true;
}

/** The same activities under the activity types that Temporal records. */
export type ByActivityType<T> = {
  [Name in keyof T as Name extends keyof typeof ACTIVITY_TYPE ? (typeof ACTIVITY_TYPE)[Name] : Name]: T[Name];
};

/** A message as it reached the workflow. */
export interface MessageDelivery {
  /** Not validated: any JSON, or a marker for what could not be decoded. */
  readonly input: unknown;
  /** The sender of an update receives a refusal; that of a signal is recorded in the session. */
  readonly via: 'update' | 'signal' | 'unknown-signal';
  /** The message's id if it has none of its own. */
  readonly fallbackId: string;
}

export interface AdmitInput {
  readonly deliveries: readonly MessageDelivery[];
  /** Set while this execution holds no state: the output then lists the open runs. */
  readonly execution: string | null;
}

/** The decision on one message. */
export type AdmissionVerdict =
  | {
      readonly ok: true;
      readonly receipt: Receipt;
      /** Whether this id was admitted before, with the same body: the receipt is the first one. */
      readonly duplicate: boolean;
      /** The open run of this message, also for a duplicate; null for a steered message and for a run that is over. */
      readonly run: OpenRun | null;
      /** Id of the running run that this message interrupts. */
      readonly interrupts: string | null;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly retryAfterMs: number | null;
      /** The budget that refuses the message. */
      readonly budget?: BudgetFacts | undefined;
    };

export interface SessionInfo {
  readonly status: SessionStatus;
  readonly agent: string;
  /** Milliseconds until an active session expires if nothing happens in it. Absent if reported before. */
  readonly dueInMs?: number;
}

export interface AdmitOutput {
  /** Null if the session does not exist. */
  readonly session: SessionInfo | null;
  /** One for each delivery, in their order. */
  readonly verdicts: readonly AdmissionVerdict[];
  /** Null unless `execution` was set. */
  readonly openRuns: readonly OpenRun[] | null;
  /** Whether an activity serves the session, and executes the new runs. Absent if none does. */
  readonly served?: boolean;
  /** As in a reference: number of activities that had begun to serve the session. Absent from workers of earlier versions. */
  readonly epoch?: number;
}

export interface OpenOutput {
  readonly created: boolean;
  readonly session: SessionInfo;
  readonly openRuns: readonly OpenRun[];
}

/** Workers older than session expiry return undefined instead. */
export interface UpdateOutput {
  /** As in {@link SessionInfo}. Present if the policy changed. */
  readonly dueInMs?: number;
}

export interface ExpireOutput {
  /** The session after the check; null if it does not exist. */
  readonly session: SessionInfo | null;
  /** Milliseconds until the next check, at least 1; null if the session is not active. */
  readonly dueInMs: number | null;
}

export interface EndOutput {
  readonly status: SessionStatus;
  /** The runs that were open. */
  readonly cancelledRuns: readonly string[];
}

export interface SettleDueOutput {
  /** Null if the session does not exist. */
  readonly session: SessionInfo | null;
  /** Time until the next deadline or reminder; null for none. */
  readonly dueInMs: number | null;
  /** The run that goes on, if no activity serves the session. */
  readonly openRuns: readonly OpenRun[];
}

export interface AnswerOutput {
  readonly session: SessionInfo;
  /** The run that goes on; empty if it waits for other answers, or an activity has it. */
  readonly openRuns: readonly OpenRun[];
  /** The answered item: ids and times, no content. */
  readonly item: { readonly id: string; readonly answeredAt: string; readonly answeredBy: string };
}

export interface ResumeOutput {
  readonly session: SessionInfo;
  readonly openRuns: readonly OpenRun[];
}

export interface CancelOpenRunInput {
  /** Null: the run that is executing, or that would execute next. */
  readonly runId: string | null;
  readonly execution: string | null;
  /** Whether a run that is executing is left to the caller, who stops its activity. */
  readonly sparesRunning?: boolean;
}

export interface CancelOpenRunOutput {
  /** The run that was cancelled or spared; null if no such run was open. */
  readonly runId: string | null;
  /** Whether it was spared. Absent if not. */
  readonly spared?: boolean;
  /** Whether an activity serves the session. Absent if none does. */
  readonly served?: boolean;
  /** Null if the session does not exist. */
  readonly session: SessionInfo | null;
  /** The runs that are still open. Empty unless `execution` was set, or the run waited for an answer. */
  readonly openRuns: readonly OpenRun[];
}

export interface EndRunInput {
  readonly runId: string;
  /** The ordinal of the run to end. A run that was resumed since has a higher one and is left as it is. */
  readonly ordinal: number;
  readonly end:
    | { readonly status: 'failed'; readonly error: RunError }
    | { readonly status: 'cancelled'; readonly reason: StopReason };
}

/** A tool call that needs an activity of its own. */
export interface ToolTask {
  readonly callId: string;
  readonly tool: string;
  readonly timeoutMs: number;
}

/**
 * Why `advanceRun` returned, and the newest steps that it executed. After the run it was called for, it may have executed
 * others: `run` is the last of them, absent if it is the first. `ended` counts the runs that ended, default 1 with
 * the kind `ended`, else 0. `epoch`: number of activities that had begun to serve the session when this one had; absent if it
 * had not, and from workers of earlier versions.
 */
export type Advance = {
  readonly steps: readonly StepDigest[];
  readonly run?: OpenRun;
  readonly ended?: number;
  readonly epoch?: number;
} & (
  | {
      readonly kind: 'ended';
      readonly status: RunStatus;
      /** The session's status, if it is not active or the run had ended before the activity began. */
      readonly session: SessionStatus | null;
      /** Why the run was stopped, if the activity has stopped it. */
      readonly reason?: StopReason;
      /** Every run with this ordinal or a lower one has ended. Absent from workers of earlier versions. */
      readonly lastOrdinal?: number;
    }
  | { readonly kind: 'tools'; readonly tools: readonly ToolTask[] }
  /** The run waits for somebody, or behind a run that does. It is queued again with another ordinal when it has work. */
  | {
      readonly kind: 'waiting';
      /** Time until the session's next deadline or reminder; null for none. */
      readonly dueInMs: number | null;
      /** The session's next run with work; absent for none. */
      readonly next?: OpenRun;
    }
  /** The activity's time slice is over, or the policy requires an activity for each step. */
  | { readonly kind: 'continue' }
);

export interface MaintenanceActivities {
  /** Processes one page of a sweep. Its results are in the store. */
  sweepPage(input: SweepPageInput): Promise<SweepPageOutput>;
  /** Erases everything that is stored of a user. Its progress is in the store. */
  eraseUser(input: EraseUserInput): Promise<void>;
  /** Executes a batch for some minutes. Its progress is in the store. */
  runBatch(input: RunBatchInput): Promise<RunBatchOutput>;
}

export interface RunBatchInput {
  readonly batchId: string;
}

export interface RunBatchOutput {
  /** Whether something is left. */
  readonly more: boolean;
}

export interface EraseUserInput {
  readonly erasureId: string;
}

/** The position of a sweep: user and session id of the last session processed; `limits` when the limits of active sessions come next. */
export type SweepPosition = readonly [string, string] | 'limits';

export interface SweepPageInput {
  readonly sweepId: string;
  /** Owner of the sessions; null for all users. Missing in a workflow that was started without one. */
  readonly user?: string | null | undefined;
  readonly request: CleanRequest;
  /** Null for the first page. */
  readonly after: SweepPosition | null;
}

export interface SweepPageOutput {
  /** Null when the sweep is complete. */
  readonly next: SweepPosition | null;
}
