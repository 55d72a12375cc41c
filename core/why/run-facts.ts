import type { RunRecord, StepRecord, ToolCallRecord, Usage } from '../../contracts/session/run.ts';

/** What the store knows of a run's course. Times are ISO 8601 UTC. */
export interface RunFacts {
  readonly sessionId: string;
  readonly run: RunRecord;
  /** In their order. */
  readonly steps: readonly StepRecord[];
  readonly toolCalls: readonly ToolCallRecord[];
  /** Its starts, each with how that life ended: a resumed run has more than one. */
  readonly lives: readonly RunLife[];
  /** How long each committed step's model call took. */
  readonly replies: readonly { readonly step: number; readonly durationMs: number }[];
  /** Every try of a model call; empty where none were recorded one by one. */
  readonly modelCalls: readonly ModelCallFact[];
  readonly waits: readonly WaitFact[];
  /** The run of the same session that was before it, if it had to wait for one. */
  readonly ahead: { readonly runId: string; readonly endedAt: string | null } | null;
  /** The store's clock. */
  readonly now: string;
}

export interface RunLife {
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** The code it failed with, or why it was cancelled. */
  readonly ending: string | null;
}

export interface ModelCallFact {
  readonly step: number;
  readonly attempt: number;
  readonly model: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string;
  /** The code it failed with. */
  readonly error: string | null;
  readonly firstTokenMs: number | null;
  readonly usage: Usage | null;
  readonly costUsd: number | null;
}

export interface WaitFact {
  readonly kind: 'limit' | 'circuit' | 'approval';
  /** Whom it waited for: a provider, a tool that needed a person's yes. */
  readonly whom: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
}
