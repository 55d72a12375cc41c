import type { ContextCallRecord } from '../../contracts/capabilities/context-provider.ts';
import type { ChildRun } from '../../contracts/session/run-family.ts';
import type { ModelCallRecord, RunRecord, StepRecord, ToolCallRecord, Usage } from '../../contracts/session/run.ts';

/** The stored facts that explain a run's time and cost. Times are ISO 8601 UTC. */
export interface RunFacts {
  readonly sessionId: string;
  readonly run: RunRecord;
  /** In order. */
  readonly steps: readonly StepRecord[];
  readonly toolCalls: readonly ToolCallRecord[];
  /** From each start of the run to its end. A resumed run has more than one. */
  readonly periods: readonly RunPeriod[];
  /** Duration of the model call of each committed step. */
  readonly replies: readonly {
    readonly step: number;
    readonly durationMs: number;
    /** Whether it was a structured answer that did not match its schema. Default false. */
    readonly rejected?: boolean;
    /** Number of older messages that its call was not given, without a summary of them. Default 0. */
    readonly omitted?: number;
  }[];
  /** The tries of model calls; empty for runs recorded before tries had records. */
  readonly modelCalls: readonly ModelCallFact[];
  /** The calls for summaries of older messages, in front of an answer of the run or after its end. Default: none. */
  readonly summaries?: readonly ModelCallFact[];
  /** The model calls that context providers have made. Default: none. */
  readonly providerCalls?: readonly ModelCallFact[];
  /** The model calls that have decided about approvals. Default: none. */
  readonly evaluations?: readonly ModelCallFact[];
  /** Default: none. */
  readonly contextCalls?: readonly ContextCallRecord[];
  /** Whether calls of context providers are left for the background. Default false. */
  readonly isLeftForBackground?: boolean;
  readonly waits: readonly WaitFact[];
  /** The runs that its calls of agents have made. Default: none. */
  readonly children?: readonly ChildFact[];
  /** The earlier run of the session that this one waited for; null if it did not wait. */
  readonly ahead: { readonly runId: string; readonly endedAt: string | null } | null;
  /** The store's clock. */
  readonly now: string;
}

/** A run that a call has made. Its call waits from `calledAt` to `returnedAt`. */
export type ChildFact = Pick<ChildRun, 'runId' | 'callId' | 'calledAt' | 'returnedAt'>;

export interface RunPeriod {
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Error code, or reason of the cancellation. */
  readonly ending: string | null;
}

export interface ModelCallFact {
  readonly step: number;
  readonly attempt: number;
  readonly model: string | null;
  /** The model that was asked, `provider/model`. Default: unknown. */
  readonly requestedModel?: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string;
  /** Error code. */
  readonly error: string | null;
  readonly firstTokenMs: number | null;
  readonly usage: Usage | null;
  readonly costUsd: number | null;
  /** Default: none. */
  readonly estimate?: ModelCallRecord['estimate'];
}

export interface WaitFact {
  readonly kind: 'limit' | 'circuit' | 'approval' | 'client';
  /** The provider, or the tool whose call waited for an answer. */
  readonly who: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
}
