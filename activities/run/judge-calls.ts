import { readRememberedTools } from '../../store/inbox/approval-rules.ts';
import type { CommittedCall } from '../../store/steps/new-calls.ts';
import { commitWhenStoreIsBack } from '../shared/commit-when-store-is-back.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { Evaluations, type EvaluatingRun } from '../shared/evaluations.ts';
import { definitionsIn, isJudged, judgeCall } from '../tools/approvals/judge-call.ts';
import type { ToolPlan } from './plan-tool-calls.ts';

/**
 * Decides which calls of a reply wait for an approval or for a client, before they are committed. A plan without such tools is returned
 * as it is, without a statement.
 */
export async function judgeCalls(
  deps: ActivityDeps,
  run: Omit<EvaluatingRun, 'evaluations'>,
  plan: ToolPlan,
): Promise<ToolPlan> {
  const specs = new Map(run.agent.tools.map((spec) => [spec.name, spec]));
  const concerned = plan.calls.flatMap((call) => {
    const spec = specs.get(call.tool);
    return spec && call.refused === null && isJudged(spec) ? [{ call, spec }] : [];
  });
  if (concerned.length === 0) return plan;
  const asking = concerned.flatMap(({ spec }) => (spec.approval === undefined ? [] : [spec.name]));
  const remembered = await commitWhenStoreIsBack(run.signal, () =>
    readRememberedTools(deps.db, run.key, run.agent.spec.name, [...new Set(asking)], definitionsIn(run.agent)),
  );
  const judged = new Map<string, CommittedCall>();
  const evaluating = { ...run, evaluations: new Evaluations(0) };
  await Promise.all(
    concerned.map(async ({ call, spec }) => {
      judged.set(call.callId, await judgeCall(deps, evaluating, call, spec, remembered.has(spec.name)));
    }),
  );
  const isExecuted = ({ callId }: { readonly callId: string }): boolean => {
    const call = judged.get(callId);
    return call === undefined || (call.refused === null && !call.waits);
  };
  return {
    calls: plan.calls.map((call) => judged.get(call.callId) ?? call),
    inPlace: plan.inPlace.filter(isExecuted),
    ownActivity: plan.ownActivity.filter(isExecuted),
  };
}
