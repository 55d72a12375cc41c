import type { AgentVersion } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { StepStream } from '../shared/step-stream.ts';
import type { ClaimedPosition } from './claim-next.ts';
import type { ContextCache } from './context-cache.ts';

/** The input of one step. */
export interface StepTask {
  readonly key: SessionKey;
  readonly runId: string;
  /** The claimed attempt, with the permit of its model call. `runStep` settles the permit, however the step ends. */
  readonly position: Extract<ClaimedPosition, { kind: 'model' }>;
  readonly agent: AgentVersion;
  readonly stream: StepStream;
  /** Aborted with `Stopped`. */
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
}
