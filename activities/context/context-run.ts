import type { ProviderCall, ProviderReply } from '../../agents/context/context-provider.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { AnsweredRunRow } from '../../store/context/read-answered-run.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** A run whose context providers are called. */
export interface ContextRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: AgentVersion;
  /** Aborted with `Stopped`. */
  readonly signal: AbortSignal;
  /** Of the activity that serves the session; null in the background. */
  readonly epoch: number | null;
  /** Returns the function by which one attempt of `afterRun` calls models. */
  readonly generateFor: (
    deps: ActivityDeps,
    run: ContextRun,
    row: AnsweredRunRow,
  ) => (call: ProviderCall, signal: AbortSignal) => Promise<ProviderReply>;
}
