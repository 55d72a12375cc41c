import type { ToolSpec } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';

/**
 * `in-place`: within the `advanceRun` activity. `own-activity`: in a `runTool` activity, which any worker may take and the
 * Temporal UI shows. `none`: not executed.
 */
export type ToolPlacement = 'in-place' | 'own-activity' | 'none';

export interface PlacementFacts {
  /** The tool of the run's agent version; undefined if it has none of that name. */
  readonly spec: Pick<ToolSpec, 'idempotent' | 'timeoutMs'> | undefined;
  /** Whether the call was refused. A refused call already has its result. */
  readonly refused: boolean;
  /** Whether an earlier attempt lost its worker. */
  readonly lost: boolean;
  /** Whether the call waits because an operator has paused the tool: it then holds no slot. Default false. */
  readonly isPaused?: boolean;
  /** Whether the call may ask the user, and so take as long as a person. Default false. */
  readonly asks?: boolean;
  /** Whether this worker has the tool's code. */
  readonly hasCode: boolean;
  /** The policy's. 1 asks for an activity per tool, too. */
  readonly stepsPerActivity: number;
}

/**
 * Decides where a tool call is executed. In place, which is fastest, if the tool is idempotent (the activity around it may be
 * retried), quick (it delays neither a cancel nor a drain) and known to this worker, and the policy allows it. A call
 * that has lost a worker gets an activity of its own, because a call that ends its worker takes those beside it with it. A
 * call of a tool that the agent does not have fails in place, without being executed.
 */
export function decideToolPlacement({
  spec,
  refused,
  lost,
  isPaused = false,
  asks = false,
  hasCode,
  stepsPerActivity,
}: PlacementFacts): ToolPlacement {
  if (refused) return 'none';
  if (spec === undefined) return 'in-place';
  const quick = !asks && spec.timeoutMs <= LIMITS.inPlaceToolMs.value;
  return spec.idempotent && quick && hasCode && !lost && !isPaused && stepsPerActivity !== 1
    ? 'in-place'
    : 'own-activity';
}
