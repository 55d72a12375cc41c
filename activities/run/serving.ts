import type { AgentVersion } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ContextSummary } from '../../core/conversation/summary.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import type { StepStream } from '../shared/step-stream.ts';
import type { KnownRun } from '../../store/steps/known-run.ts';
import type { RunPosition } from '../../store/steps/run-position.ts';
import type { ContextCache } from './conversation/context-cache.ts';

/** The session as one activity serves it, over all of its runs. */
export interface Serving {
  readonly key: SessionKey;
  readonly workerId: string;
  /** Of the session's row; null until the activity has claimed a run. */
  epoch: number | null;
  /** The session's epoch when the activity began. It serves the session only if no other has begun to since. */
  follows: number | null;
  /** The run that the activity has read or saved last; null if it has changed it otherwise. For one claim. */
  known: KnownRun | null;
  readonly contexts: ContextCache;
  /** The run of the last step that the activity has committed; null for none. */
  lastRun: LastRun | null;
  /** The summary that is being made in the background, if one is. */
  summary: Promise<ContextSummary | null> | null;
  /** When a summary failed last, in epoch ms; null if none did. */
  summaryFailedAtMs: number | null;
  /** The steps that the activity has executed. */
  readonly steps: StepDigest[];
  /** Whether the activity may execute further runs: false once it has executed the steps that the policy allows it. */
  mayLinger: boolean;
}

/** A run, as its last model call was claimed. */
export interface LastRun {
  readonly runId: string;
  readonly agent: AgentVersion;
  readonly policy: ResolvedPolicy;
  readonly position: Pick<Extract<RunPosition, { kind: 'model' }>, 'model' | 'policy' | 'conversation'>;
}

/** A run that the activity executes. */
export interface WatchedRun {
  readonly stream: StepStream;
  /** Aborted with `Stopped`. */
  readonly signal: AbortSignal;
}
