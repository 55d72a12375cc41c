import { ApplicationFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import type { ProviderConversation, ProviderData } from '../../contracts/session/run.ts';
import { backoffMs } from '../../core/backoff.ts';
import type { OutputState } from '../../core/output/output-state.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import type { ModelReply } from '../../models/model-client.ts';
import { commitStep, type StepCommit } from '../../store/steps/commit-step.ts';
import { countFailedCall } from '../../store/runs/count-failed-call.ts';
import { commitWhenStoreIsBack } from '../shared/commit-when-store-is-back.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { judgeCalls } from './judge-calls.ts';
import { codeOf, logFailure } from './apply-call-outcome.ts';
import { budgetsOf, callCost } from './call-budget.ts';
import { countedUsage } from './call-spending.ts';
import { chargingIfRemoved } from './charge-if-removed.ts';
import { checkOutput } from './check-output.ts';
import { estimateCall } from './estimate-call.ts';
import type { AnsweredCall } from './model-call-outcome.ts';
import { callsAgents, childPlanner } from './plan-children.ts';
import { planToolCalls, type ToolPlan } from './plan-tool-calls.ts';
import type { StepTask } from './step-task.ts';

export interface CommittedAnswer {
  readonly commit: StepCommit;
  readonly plan: ToolPlan;
  /** Whether the reply is committed, and is no structured answer, and no repair follows. */
  readonly failed: boolean;
  /** Null when unknown. */
  readonly costNanos: number | null;
}

/** What the context of a step states about its run. */
export interface StepContext {
  /** The run's call ids so far. */
  readonly usedIds: ReadonlySet<string>;
  readonly output: OutputState;
  /** Number of older messages and replies that were left out. */
  readonly omitted: number;
}

/**
 * Plans the tool calls of a reply and commits both, once the store is available. A reply that cannot be committed is a failed
 * attempt of the step, as is a call without a reply: it is recorded with its cost, and counts against `retry.maxAttempts`.
 */
export async function commitAnswer(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  { reply, inputTokens, context, spent, changedBy, firstTokenMs, durationMs }: AnsweredCall,
  { usedIds, output, omitted }: StepContext,
): Promise<CommittedAnswer> {
  const { key, runId, agent, position } = task;
  const { step, attempt, model, throughSeq, claimed } = position;
  const { text, reasoning, finish } = reply;
  const usage = countedUsage(spent ? spent.usage : reply.usage);
  const cost = spent ? spent.cost : callCost(deps, model, usage);
  const estimate = spent ? spent.estimate : estimateCall(deps, model, inputTokens, reply);
  const call = { runId, step, attempt, cost, estimate, context, firstTokenMs, durationMs };
  try {
    const workedMs = position.activeMs + durationMs;
    const planChild = callsAgents(agent, reply.toolCalls)
      ? await childPlanner(deps, { key, runId, policy, workedMs })
      : null;
    const pauses = deps.pauses.current;
    const scope = { agent, agents: deps.agents, policy, pauses, key, runId, step, usedIds, planChild };
    const planned = planToolCalls(reply.toolCalls, scope);
    const plan = await judgeCalls(deps, { key, runId, agent, signal: task.signal }, planned);
    const { object, rejected } = checkOutput(agent, output, reply);
    const input = {
      ...call,
      // Without its tool calls: those of the plan can be stored.
      reply: {
        text,
        reasoning,
        finish,
        usage,
        model: reply.model,
        ...providerDataOf(reply, model),
        ...conversationOf(reply, plan, model),
        ...(rejected ? { rejected } : {}),
        ...(omitted > 0 ? { omitted } : {}),
        ...(changedBy ? { changedBy } : {}),
      },
      object,
      budgets: budgetsOf(deps),
      toolCalls: plan.calls,
      budget: policy.budget,
      holdsQueue: policy.whileWaiting === 'queue',
      throughSeq,
      claimed,
      completes: plan.calls.length === 0 && !rejected,
    };
    const commit = await chargingIfRemoved(deps, task, estimate, () =>
      commitWhenStoreIsBack(task.signal, () => commitStep(deps.db, key, input)),
    );
    const failed = commit.outcome === 'committed' && rejected?.repair === null;
    if (rejected && commit.outcome === 'committed') {
      const outcome = failed ? 'failed' : 'repaired';
      deps.telemetry.metrics.rejectedAnswers.add({ agent: agent.spec.name, model, outcome });
    }
    return { commit, plan, costNanos: cost.nanos, failed };
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') throw error;
    const failed = { ...call, errorCode: codeOf(error), usage };
    // False: the store is away, or the commit had succeeded. The next attempt finds out.
    const counted = await countFailedCall(deps.db, key, failed).catch(() => false);
    task.stream.retract();
    logFailure(deps, task, failed.errorCode);
    if (error instanceof ApplicationFailure) throw error;
    throw commitFailure(error, policy, position.attemptsSinceResume, counted);
  }
}

/** What the provider wants back with the reply, and the model to which alone it is returned. */
function providerDataOf({ providerFields }: ModelReply, model: string): { readonly providerData?: ProviderData } {
  return providerFields ? { providerData: { model, ...providerFields } } : {};
}

/** Where the provider keeps the conversation. Not where the transcript lacks the reply, or has other ids for its calls: the provider could not be sent their results. */
function conversationOf(
  { conversation, text, toolCalls }: ModelReply,
  { calls }: ToolPlan,
  model: string,
): { readonly providerConversation?: ProviderConversation } {
  const isShown = text !== '' || calls.length > 0;
  const sameIds = calls.every(({ callId }, index) => callId === toolCalls[index]?.callId);
  return conversation && isShown && sameIds ? { providerConversation: { model, ...conversation } } : {};
}

/** The failure that makes Temporal try the step again, or ends the run when the attempts are used up. Names no content. */
function commitFailure(
  error: unknown,
  { retry }: ResolvedPolicy,
  attempt: number,
  counted: boolean,
): ApplicationFailure {
  // Uncounted failures end as well, later: the commit may have succeeded, which the next attempt finds out.
  const final = attempt >= retry.maxAttempts * (counted ? 1 : 2);
  const name = error instanceof Error ? error.name : typeof error;
  const cause = error instanceof PerdureError ? error.message : `The commit failed unexpectedly (${name}).`;
  const attempts = attempt === 1 ? '1 attempt' : `${attempt} attempts`;
  return ApplicationFailure.create({
    type: codeOf(error),
    message: `The model's reply could not be stored. ${cause} ${final ? `Gave up after ${attempts}.` : 'The model call will be repeated.'}`,
    nonRetryable: final,
    nextRetryDelay: backoffMs(retry, attempt),
  });
}
