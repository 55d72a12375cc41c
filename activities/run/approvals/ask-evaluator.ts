import type { ModelEvaluator } from '../../../contracts/approvals/approval-settings.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import type { EvaluatorDecision } from '../../../core/tools/decide-verdict.ts';
import { criteriaFor } from '../../../core/tools/evaluator-criteria.ts';
import { evaluationOf, evaluationRequest, type CallToEvaluate } from '../../../models/evaluation-request.ts';
import { readSession } from '../../../store/read/read-session.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { EvaluatingRun } from '../../shared/evaluations.ts';
import { recordedCall } from '../background/recorded-call.ts';

/**
 * Asks a model for a decision about a call. Null if there is none: the model gave no valid reply, cannot be called now, or a budget has no room
 * for the call. The model call is recorded with the run. Throws the reason of `signal` when it is aborted, and as the store does.
 */
export async function askEvaluator(
  deps: ActivityDeps,
  { key, runId, agent, signal: stop, evaluations }: EvaluatingRun,
  { model, criteria }: ModelEvaluator,
  call: CallToEvaluate,
  signal: AbortSignal,
): Promise<EvaluatorDecision | null> {
  const { spec } = agent;
  const text = criteriaFor(criteria, call.tool);
  const request = text === null ? null : evaluationRequest(text, call);
  if (request === null) return null;
  const session = await readSession(deps.db, key);
  const policy = resolvePolicy(deps.deployment.policy, spec.policy, session?.policy);
  const timeMs = LIMITS.approvalEvaluatorMs.value;
  const toRecord = {
    key,
    runId,
    agent: spec.name,
    policy,
    kind: 'approval',
    // Not the model that a message asks for: its sender would choose who decides.
    model: model ?? spec.model ?? deps.models.defaultModel,
    signal,
    stop,
    maxWaitMs: policy.whenProviderDown === 'fail' ? 0 : Math.min(timeMs, policy.maxWaitMs),
    silenceMs: timeMs,
    isLost: (earlier, at) => evaluations.isLost(runId, earlier, at),
    begin: (record) => evaluations.begin(record),
  } as const satisfies Parameters<typeof recordedCall>[1];
  const made = await recordedCall(deps, toRecord, request);
  return made.kind === 'replied' ? evaluationOf(made.reply) : null;
}
