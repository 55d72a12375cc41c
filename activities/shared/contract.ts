import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { RunError, RunStatus, StopReason } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import type { AdmissionDecision } from '../../store/admission/admission-request.ts';

/**
 * What the workflows ask for. Types only: this file is what workflow code may import. None of them takes
 * a session key: an activity knows its session from the id of the workflow that called it.
 */
export interface SessionActivities {
  /** Says yes or no to messages, in order, each in the store's word. Local. */
  admitMessages(input: AdmitInput): Promise<AdmitOutput>;
  /** Creates the session if it is absent. Local. Fails with an `ErrorCode` as type. */
  openSession(input: { readonly request: unknown; readonly execution: string }): Promise<OpenOutput>;
  /** Merges metadata, state and policy. Local. Fails with an `ErrorCode` as type. */
  updateSession(input: { readonly request: unknown }): Promise<UpdateOutput | undefined>;
  /** Ends the session and every run that is open. Local. Fails with an `ErrorCode` as type. */
  endSession(input: { readonly request: unknown }): Promise<EndOutput>;
  /** Expires the session if its time is over and no run is open; otherwise says when to look again. Local. */
  expireSession(): Promise<ExpireOutput>;
  /** Records that what a signal asked for was refused, if there is a session. Local. */
  recordRefusal(input: { readonly code: string; readonly detail: string }): Promise<void>;
  /** Makes a failed or cancelled run wait again. Local. Fails with an `ErrorCode` as type. */
  resumeRun(input: { readonly request: unknown; readonly execution: string | null }): Promise<ResumeOutput>;
  /** Rings the live channel, so that the model call of a run is aborted at once. Local. */
  ringStop(input: { readonly runId: string; readonly reason: StopReason }): Promise<void>;
  /** Ends a run that no activity is advancing, unless it has ended. Local. */
  endRun(input: EndRunInput): Promise<{ readonly status: RunStatus; readonly session: SessionStatus }>;
}

export interface RunActivities {
  /** Takes a run as far as it goes without a decision. */
  advanceRun(input: { readonly runId: string }): Promise<Advance>;
  /** One tool call in an activity of its own. Its outcome is in the store. */
  runTool(input: { readonly runId: string; readonly callId: string }): Promise<void>;
}

/** How a message came in: who waits for the answer of an update hears a refusal; a signal's is recorded. */
export interface Delivery {
  /** As it came: anything at all. */
  readonly input: unknown;
  readonly via: 'update' | 'signal' | 'unknown-signal';
  /** The message's id if it brings none. */
  readonly fallbackId: string;
}

export interface AdmitInput {
  readonly deliveries: readonly Delivery[];
  /** Set when this execution holds no state yet: the store then says which runs are open. */
  readonly execution: string | null;
}

/** The store's word, or a refusal of what is no message. */
export type Verdict = AdmissionDecision;

export interface SessionFacts {
  readonly status: SessionStatus;
  readonly agent: string;
  /** How long an active session has to live if nothing happens in it; left out where it was told before. */
  readonly dueInMs?: number;
}

export interface AdmitOutput {
  /** Null when there is no such session. */
  readonly session: SessionFacts | null;
  readonly verdicts: readonly Verdict[];
  readonly openRuns: readonly OpenRun[] | null;
}

export interface OpenOutput {
  readonly created: boolean;
  readonly session: SessionFacts;
  readonly openRuns: readonly OpenRun[];
}

/** Nothing by a worker that is older than expiry. */
export interface UpdateOutput {
  /** As in {@link SessionFacts}; present when the policy was changed. */
  readonly dueInMs?: number;
}

export interface ExpireOutput {
  /** As it now is; null when there is no such session. */
  readonly session: SessionFacts | null;
  /** When to look again; null when the session is not active. At least 1. */
  readonly dueInMs: number | null;
}

export interface EndOutput {
  readonly status: SessionStatus;
  /** The runs that were open. */
  readonly cancelledRuns: readonly string[];
}

export interface ResumeOutput {
  readonly session: SessionFacts;
  readonly openRuns: readonly OpenRun[];
}

export interface EndRunInput {
  readonly runId: string;
  /** Which life of the run: one that was resumed since is left alone. */
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

/** Why `advanceRun` gave control back, and the steps it took. */
export type Advance = { readonly steps: readonly StepDigest[] } &
  /** `session`: what became of the session, where the run was found to have ended before. */
  (
    | { readonly kind: 'ended'; readonly status: RunStatus; readonly session: SessionStatus | null }
    | { readonly kind: 'tools'; readonly tools: readonly ToolTask[] }
    /** Its slice is over, or the policy wants an activity for each step. */
    | { readonly kind: 'continue' }
  );

export interface MaintenanceActivities {
  /** One page of a clean-up. What it did is in the store. */
  sweepPage(input: SweepPageInput): Promise<SweepPageOutput>;
}

/** Where a sweep is: the last session of the page before, as user and session id; `limits` once all were looked at and the limits are to be held. */
export type SweepPosition = readonly [string, string] | 'limits';

export interface SweepPageInput {
  readonly sweepId: string;
  /** Whose sessions; null for everybody's. */
  readonly user: string | null;
  readonly request: CleanRequest;
  /** Null for the first page. */
  readonly after: SweepPosition | null;
}

export interface SweepPageOutput {
  /** Null when the sweep is over. */
  readonly next: SweepPosition | null;
}
