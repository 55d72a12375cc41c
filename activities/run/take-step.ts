import { ApplicationFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { usdOf } from '../../core/money/price.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitStep } from '../../store/runs/commit-step.ts';
import { countFailedCall, type FailedCall } from '../../store/runs/count-failed-call.ts';
import { budgetsOf, costOf } from './budget-terms.ts';
import { callModel, type AnsweredCall } from './call-model.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { asModelError, codeOf, tellOfFailure } from './failed-model-call.ts';
import { judgeCalls, placeCalls, type PlacedCalls } from './judge-calls.ts';
import { modelRequest } from './model-request.ts';
import { providerFailure } from './provider-failure.ts';
import type { StepTask } from './step-task.ts';
import { Stopped } from '../shared/stop-watch.ts';

/** How a step ended. `stale`: another attempt has the step now, or the run has ended; look again. */
export type StepOutcome =
  | ({ readonly kind: 'committed'; readonly ended: boolean; readonly digest: StepDigest } & PlacedCalls)
  | { readonly kind: 'stale' };

/** One model call, from its context to its commit. Throws {@link Stopped}, or the failure that Temporal acts on. */
export async function takeStep(deps: ActivityDeps, task: StepTask): Promise<StepOutcome> {
  const { key, runId, position, agent, stream } = task;
  await using _permit = position.permit;
  task.signal.throwIfAborted();
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  if (position.step > policy.maxSteps) {
    throw ApplicationFailure.nonRetryable(
      `The run used its ${policy.maxSteps} steps (policy maxSteps) without an answer.`,
      'step_limit',
    );
  }
  const runs = agent.spec.history === false ? 0 : policy.contextRuns;
  const context = await task.contexts.read(deps.db, key, { runId, position, runs });
  stream.start(position.step, position.attempt);
  if (position.attempt > 1) deps.telemetry.metrics.retries.add({ source: 'model' });
  const call = await callModel(deps, task, policy, (model) =>
    modelRequest(agent, model, position, context.entries),
  ).catch((error: unknown) => giveUp(deps, task, policy, error));
  if (!call) return { kind: 'stale' };
  const { usage } = call.reply;
  const cost = costOf(deps, position.model, usage);
  const calls = await judged(deps, task, { ...call, usage, cost }, () =>
    judgeCalls(call.reply.toolCalls, {
      agent,
      policy,
      taken: new Set(context.callIds),
      hasCode: (tool) => deps.agents.tool(tool) !== undefined,
    }),
  );
  const commit = await commitStep(deps.db, key, {
    runId,
    step: position.step,
    attempt: position.attempt,
    reply: call.reply,
    cost,
    budgets: budgetsOf(deps),
    toolCalls: calls,
    throughSeq: position.throughSeq,
    firstTokenMs: call.firstTokenMs,
    durationMs: call.durationMs,
    claimed: position.claimed,
    completes: calls.length === 0,
  });
  stream.clear();
  if (commit.outcome === 'stale') return { kind: 'stale' };
  task.contexts.append(key, position.conversation.createdAt, commit.events);
  const labels = { agent: agent.spec.name, model: position.model };
  if (cost.nanos !== null) deps.telemetry.metrics.costUsd.add(labels, usdOf(cost.nanos));
  publishAppended(deps, key, commit.events);
  return {
    kind: 'committed',
    ended: commit.ended,
    digest: digest(task, call),
    ...placeCalls(calls, { key, runId, agent, step: position.step }),
  };
}

/** Takes back the text of a call that gave no reply, and throws what Temporal acts on. */
function giveUp(deps: ActivityDeps, task: StepTask, { retry }: ResolvedPolicy, error: unknown): never {
  if (error instanceof Stopped) throw error;
  task.stream.retract();
  // The store's failure to keep a partial text is Temporal's to retry, as any of the store's is.
  if (error instanceof ApplicationFailure || error instanceof PerdureError) throw error;
  const failure = asModelError(error);
  tellOfFailure(deps, task, failure);
  throw providerFailure(failure, retry, task.position.tries);
}

/** The verdict on a reply's calls; a reply that is not taken at all was still paid for. */
async function judged<T>(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt } }: StepTask,
  call: AnsweredCall & Pick<FailedCall, 'usage' | 'cost'>,
  judge: () => T,
): Promise<T> {
  try {
    return judge();
  } catch (error) {
    const { usage, cost, firstTokenMs, durationMs } = call;
    const errorCode = codeOf(error);
    await countFailedCall(deps.db, key, { runId, step, attempt, errorCode, usage, cost, firstTokenMs, durationMs });
    throw error;
  }
}

function digest({ runId, position, agent }: StepTask, { reply, durationMs }: AnsweredCall): StepDigest {
  return {
    runId,
    step: position.step,
    model: reply.model,
    inputTokens: reply.usage?.inputTokens ?? null,
    outputTokens: reply.usage?.outputTokens ?? null,
    durationMs: Math.round(durationMs),
    // A name that the model made up is content, and Temporal's history is no place for it.
    tools: reply.toolCalls.map(({ tool }) => (agent.tools.some(({ name }) => name === tool) ? tool : 'unknown tool')),
  };
}
