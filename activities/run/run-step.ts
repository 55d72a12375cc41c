import { ApplicationFailure } from '@temporalio/activity';
import { resolvePolicy } from '../../core/policy.ts';
import { usdOf } from '../../core/money/price.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitStep } from '../../store/runs/commit-step.ts';
import { countFailedCall, type FailedCall } from '../../store/runs/count-failed-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { budgetsOf, callCost } from './call-budget.ts';
import { callModel } from './call-model.ts';
import type { AnsweredCall } from './model-call-outcome.ts';
import { modelRequest } from './model-request.ts';
import { planToolCalls, type ToolPlan } from './plan-tool-calls.ts';
import { codeOf, applyCallOutcome } from './apply-call-outcome.ts';
import type { StepTask } from './step-task.ts';

/** How a step ended. `stale`: another attempt has the step, or the run has ended. */
export type StepResult =
  | ({ readonly kind: 'committed'; readonly ended: boolean; readonly digest: StepDigest } & Pick<
      ToolPlan,
      'inPlace' | 'ownActivity'
    >)
  | { readonly kind: 'stale' };

/** Runs one step: reads the context, calls the model, and commits the reply. Throws `Stopped`, or the failure that Temporal acts on. */
export async function runStep(deps: ActivityDeps, task: StepTask): Promise<StepResult> {
  const { key, runId, position, agent, stream, signal } = task;
  const { step, attempt, model } = position;
  await using _permit = position.permit;
  signal.throwIfAborted();
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  if (step > policy.maxSteps) {
    throw ApplicationFailure.nonRetryable(
      `The run used its ${policy.maxSteps} steps (policy maxSteps) without a final reply.`,
      'step_limit',
    );
  }
  const runs = agent.spec.history === false ? 0 : policy.contextRuns;
  const context = await task.contexts.read(deps.db, key, { runId, position, runs });
  stream.start(step, attempt);
  if (attempt > 1) deps.telemetry.metrics.retries.add({ source: 'model' });
  const outcome = await callModel(deps, task, policy, (name) => modelRequest(agent, name, position, context.entries));
  const call = await applyCallOutcome(deps, task, policy, outcome);
  if (!call) return { kind: 'stale' };
  const cost = callCost(deps, model, call.reply.usage);
  const scope = { agent, agents: deps.agents, policy, key, runId, step, usedIds: context.callIds };
  const plan = await countIfRejected(deps, task, { ...call, usage: call.reply.usage, cost }, () =>
    planToolCalls(call.reply.toolCalls, scope),
  );
  const commit = await commitStep(deps.db, key, {
    runId,
    step,
    attempt,
    reply: call.reply,
    cost,
    budgets: budgetsOf(deps),
    toolCalls: plan.calls,
    throughSeq: position.throughSeq,
    firstTokenMs: call.firstTokenMs,
    durationMs: call.durationMs,
    claimed: position.claimed,
    completes: plan.calls.length === 0,
  });
  stream.clear();
  if (commit.outcome === 'stale') return { kind: 'stale' };
  task.contexts.append(key, position.conversation.createdAt, commit.events);
  if (cost.nanos !== null) deps.telemetry.metrics.costUsd.add({ agent: agent.spec.name, model }, usdOf(cost.nanos));
  publishAppended(deps, key, commit.events);
  const { inPlace, ownActivity } = plan;
  return { kind: 'committed', ended: commit.ended, digest: digestOf(task, call), inPlace, ownActivity };
}

/** Returns the plan. A reply whose calls are rejected as a whole is recorded as a failed call, with its cost. */
async function countIfRejected(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt } }: StepTask,
  { usage, cost, firstTokenMs, durationMs }: Omit<FailedCall, 'runId' | 'step' | 'attempt' | 'errorCode'>,
  plan: () => ToolPlan,
): Promise<ToolPlan> {
  try {
    return plan();
  } catch (error) {
    const errorCode = codeOf(error);
    await countFailedCall(deps.db, key, { runId, step, attempt, errorCode, usage, cost, firstTokenMs, durationMs });
    throw error;
  }
}

function digestOf({ runId, position, agent }: StepTask, { reply, durationMs }: AnsweredCall): StepDigest {
  return {
    runId,
    step: position.step,
    model: reply.model,
    inputTokens: reply.usage?.inputTokens ?? null,
    outputTokens: reply.usage?.outputTokens ?? null,
    durationMs: Math.round(durationMs),
    // A tool name invented by the model is content, which must not reach Temporal's history.
    tools: reply.toolCalls.map(({ tool }) => (agent.tools.some(({ name }) => name === tool) ? tool : 'unknown tool')),
  };
}
