import type { AgentVersion } from '../../contracts/agent.ts';
import type { ProvidedContext } from '../../contracts/capabilities/context-provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { StepStream } from '../shared/step-stream.ts';
import type { ClaimedPosition } from './claim-next.ts';
import type { ContextCache } from './conversation/context-cache.ts';
import type { Serving } from './serving.ts';

/** The input of one step. */
export interface StepTask {
  readonly key: SessionKey;
  readonly runId: string;
  /** The claimed attempt, with the permit of its model call. `runStep` settles the permit, however the step ends. */
  readonly position: Extract<ClaimedPosition, { kind: 'model' }>;
  /** With the tools of `contributions`. */
  readonly agent: AgentVersion;
  /** Of the run's context providers. */
  readonly contributions: readonly ProvidedContext[];
  readonly stream: StepStream;
  /** Aborted with `Stopped`. */
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
  readonly serving: Serving;
}
