import type { RunRecord, StepRecord, ToolCallRecord, Usage } from '../../contracts/session/run.ts';

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
  readonly replies: readonly { readonly step: number; readonly durationMs: number }[];
  /** The tries of model calls; empty for runs recorded before tries had records. */
  readonly modelCalls: readonly ModelCallFact[];
  readonly waits: readonly WaitFact[];
  /** The earlier run of the session that this one waited for; null if it did not wait. */
  readonly ahead: { readonly runId: string; readonly endedAt: string | null } | null;
  /** The store's clock. */
  readonly now: string;
}

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
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string;
  /** Error code. */
  readonly error: string | null;
  readonly firstTokenMs: number | null;
  readonly usage: Usage | null;
  readonly costUsd: number | null;
}

export interface WaitFact {
  readonly kind: 'limit' | 'circuit' | 'approval';
  /** The provider, or the tool that required approval. */
  readonly who: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
}
