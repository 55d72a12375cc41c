import type { BudgetFacts } from '../../contracts/budget.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { ACTIVITY_TYPE } from '../../contracts/names.ts';
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
  /** Ends the session and every open run. Fails with an `ErrorCode` as type. */
  endSession(input: { readonly request: unknown }): Promise<EndOutput>;
  /** Expires the session if it is due and has no open run. Otherwise returns when to check again. */
  expireSession(): Promise<ExpireOutput>;
  /** Records that the request of a signal was refused, if the session exists. */
  recordRefusal(input: { readonly code: string; readonly detail: string }): Promise<void>;
  /** Requeues a failed or cancelled run. Fails with an `ErrorCode` as type. */
  resumeRun(input: { readonly request: unknown; readonly execution: string | null }): Promise<ResumeOutput>;
  /** Publishes a stop on the live channel, which aborts the run's model call at once. */
  requestStop(input: { readonly runId: string; readonly reason: StopReason }): Promise<void>;
  /** Ends a run that no activity is executing, unless it has ended. */
  endRun(input: EndRunInput): Promise<{ readonly status: RunStatus; readonly session: SessionStatus }>;
}

export interface RunActivities {
  /** Advances a run until the workflow has to decide. */
  advanceRun(input: { readonly runId: string }): Promise<Advance>;
  /** Executes one tool call. Its result is in the store. */
  runTool(input: { readonly runId: string; readonly callId: string }): Promise<void>;
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

export interface ResumeOutput {
  readonly session: SessionInfo;
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

/** Why `advanceRun` returned, and the steps it executed. */
export type Advance = { readonly steps: readonly StepDigest[] } &
  /** `session`: the session's status, where the run had ended before the activity began. */
  (
    | { readonly kind: 'ended'; readonly status: RunStatus; readonly session: SessionStatus | null }
    | { readonly kind: 'tools'; readonly tools: readonly ToolTask[] }
    /** The activity's time slice is over, or the policy requires an activity for each step. */
    | { readonly kind: 'continue' }
  );

export interface MaintenanceActivities {
  /** Processes one page of a sweep. Its results are in the store. */
  sweepPage(input: SweepPageInput): Promise<SweepPageOutput>;
}

/** The position of a sweep: user and session id of the last session processed; `limits` when the limits of active sessions come next. */
export type SweepPosition = readonly [string, string] | 'limits';

export interface SweepPageInput {
  readonly sweepId: string;
  /** Owner of the sessions; null for all users. */
  readonly user: string | null;
  readonly request: CleanRequest;
  /** Null for the first page. */
  readonly after: SweepPosition | null;
}

export interface SweepPageOutput {
  /** Null when the sweep is complete. */
  readonly next: SweepPosition | null;
}
