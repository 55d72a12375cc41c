import type { AgentVersion } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { startTool, type ToolClaim } from '../../store/runs/start-tool.ts';
import { agentMiddleware } from '../middleware/agent-middleware.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { toolCode } from '../shared/tool-code.ts';
import { workerLeft } from '../shared/worker-left.ts';

export interface CallToClaim {
  readonly runId: string;
  readonly callId: string;
  readonly tool: string;
  /** The version that the run has pinned. */
  readonly agent: AgentVersion;
  /** As in `StartTool`. */
  readonly epoch?: number | null | undefined;
}

/** Claims a tool call in the store, before its effect. Whether it may be repeated depends on the code that this worker would run, too. */
export async function claimTool(
  deps: ActivityDeps,
  key: SessionKey,
  { runId, callId, tool, agent, epoch }: CallToClaim,
): Promise<Exclude<ToolClaim, { claim: 'superseded' }>> {
  // Before the claim: a call that is not idempotent can be claimed only once.
  agentMiddleware(deps.agents, agent);
  const spec = agent.tools.find(({ name }) => name === tool);
  const idempotent = toolCode(deps, agent, tool)?.idempotent ?? false;
  const maxAttempts = spec ? toolRetry(spec).maxAttempts : 1;
  const claim = await startTool(deps.db, key, { runId, callId, idempotent, maxAttempts, epoch });
  if (claim.claim === 'superseded') throw workerLeft('Another activity serves the session.');
  publishAppended(deps, key, claim.events);
  return claim;
}
