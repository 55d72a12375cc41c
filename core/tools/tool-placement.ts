import type { ToolSpec } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** `in-place`: inside the `advanceRun` activity. `own-activity`: a `runTool` activity with a line in the Temporal UI. */
export type ToolPlacement = 'in-place' | 'own-activity';

/**
 * Where a tool runs. In place, which is fastest, if it is idempotent (the activity around it may be tried
 * again) and quick (it does not hold up a cancel or a drain), and the policy does not ask for an activity per step.
 */
export function placeTool(tool: ToolSpec, policy: { readonly stepsPerActivity: number }): ToolPlacement {
  const quick = tool.timeoutMs <= LIMITS.inPlaceToolMs.value;
  return tool.idempotent && quick && policy.stepsPerActivity !== 1 ? 'in-place' : 'own-activity';
}
