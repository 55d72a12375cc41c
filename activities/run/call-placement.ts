import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { Pause } from '../../contracts/admin/pause.ts';
import { questionsMs } from '../../core/mcp/questions-ms.ts';
import { pauseOf } from '../../core/pauses/find-pause.ts';
import { decideToolPlacement, type ToolPlacement } from '../../core/tools/decide-tool-placement.ts';
import type { ToolTask } from '../shared/contract.ts';

/** The tools of a run's agent, as this worker can execute them. */
export interface ToolScope {
  readonly agent: AgentVersion;
  readonly agents: Pick<AgentRegistry, 'tool'>;
  readonly policy: { readonly stepsPerActivity: number };
  /** What operators have paused. Default: nothing. */
  readonly pauses?: readonly Pause[];
}

/** Where a call is executed; in an activity of its own, with that activity's input. */
export type PlacedCall =
  | { readonly placement: Exclude<ToolPlacement, 'own-activity'> }
  | { readonly placement: 'own-activity'; readonly task: ToolTask };

interface CallToPlace {
  readonly callId: string;
  readonly tool: string;
  readonly refused: boolean;
  readonly lost: boolean;
}

/** Places a call of a run: a new one of a reply, or one that an earlier attempt left open. */
export function callPlacement(
  { agent, agents, policy, pauses = [] }: ToolScope,
  { callId, tool, refused, lost }: CallToPlace,
): PlacedCall {
  const spec = agent.tools.find(({ name }) => name === tool);
  const hasCode = spec?.mcp !== undefined || agents.tool(tool) !== undefined;
  const isPaused = pauseOf(pauses, 'tool', tool)?.refuse === false;
  const { stepsPerActivity } = policy;
  const waitMs = spec ? questionsMs(agent.spec, spec) : null;
  const asks = waitMs !== null;
  const placement = decideToolPlacement({ spec, refused, lost, isPaused, asks, hasCode, stepsPerActivity });
  if (placement !== 'own-activity') return { placement };
  return { placement, task: { callId, tool, timeoutMs: (spec?.timeoutMs ?? LIMITS.toolMs.value) + (waitMs ?? 0) } };
}
