import type { AgentVersion } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ContextCache } from './context-cache.ts';
import type { NextPosition } from './next-position.ts';
import type { StepStream } from '../shared/step-stream.ts';

/** What one step is taken with. */
export interface StepTask {
  readonly key: SessionKey;
  readonly runId: string;
  /** Its pass is settled here, however the step ends. */
  readonly position: Extract<NextPosition, { kind: 'model' }>;
  readonly agent: AgentVersion;
  readonly stream: StepStream;
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
}
