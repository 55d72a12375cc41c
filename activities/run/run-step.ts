import { ApplicationFailure } from '@temporalio/activity';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { answerOpenCalls } from '../../core/conversation/answer-open-calls.ts';
import type { ConversationWindow } from '../../core/conversation/conversation-window.ts';
import { findContinuation } from '../../core/conversation/find-continuation.ts';
import { contextRunsOf, resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { usdOf } from '../../core/money/price.ts';
import type { StepDigest } from '../../core/session/session-details.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { notMade } from '../../store/budgets/model-call.ts';
import type { StepCommit } from '../../store/steps/commit-step.ts';
import { countFailedCall } from '../../store/runs/count-failed-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { Stopped } from '../shared/stop-watch.ts';
import { invalidOutput } from './check-output.ts';
import { agentMiddleware } from '../middleware/agent-middleware.ts';
import { callModel } from './call-model.ts';
import { composeCall, isContinued } from './conversation/compose-call.ts';
import { commitAnswer, type StepContext } from './commit-answer.ts';
import { callWithMiddleware } from './middleware/call-with-middleware.ts';
import type { AnsweredCall, ModelCallOutcome } from './model-call-outcome.ts';
import { fitContext } from './conversation/fit-context.ts';
import type { ToolPlan } from './plan-tool-calls.ts';
import { codeOf, applyCallOutcome } from './apply-call-outcome.ts';
import type { StepTask } from './step-task.ts';

/** How a step ended. `stale`: another attempt has the step, or the run has ended. */
export type StepResult =
  | ({ readonly kind: 'committed'; readonly digest: StepDigest } & Pick<
      Extract<StepCommit, { outcome: 'committed' }>,
      'ended' | 'next'
    > &
      Pick<ToolPlan, 'inPlace' | 'ownActivity'> & {
        /** Whether agents are to execute calls of the reply. */
        readonly startsChildren: boolean;
      })
  | { readonly kind: 'stale' };

/** Runs one step: reads the context, calls the model, and commits the reply. Throws `Stopped`, or the failure that Temporal acts on. */
export async function runStep(deps: ActivityDeps, task: StepTask): Promise<StepResult> {
  const { key, agent, position, stream } = task;
  await using _permit = position.permit;
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  const { outcome, ...context } = await recordIfNotMade(deps, task, () => call(deps, task, policy));
  const answered = await applyCallOutcome(deps, task, policy, outcome);
  if (!answered) return { kind: 'stale' };
  const { inputTokens = null } = answered.reply.usage ?? {};
  // Most of what a continued call estimates, its provider has reported.
  if (!isContinued(answered.context)) deps.tokens.report(position.model, answered.inputTokens, inputTokens);
  const { commit, plan, costNanos, failed } = await commitAnswer(deps, task, policy, answered, context);
  stream.clear();
  if (commit.outcome === 'stale') return { kind: 'stale' };
  task.contexts.append(key, position.conversation.createdAt, commit.events);
  const { costUsd } = deps.telemetry.metrics;
  if (costNanos !== null) costUsd.add({ agent: agent.spec.name, model: position.model }, usdOf(costNanos));
  publishAppended(deps, key, commit.events);
  if (failed) throw invalidOutput();
  const { inPlace, ownActivity } = plan;
  const startsChildren = plan.calls.some(({ child }) => child);
  const { ended, next } = commit;
  task.serving.lastRun = { runId: task.runId, agent, policy, position };
  return { kind: 'committed', ended, next, digest: digestOf(task, answered), inPlace, ownActivity, startsChildren };
}

/** Reads the context and makes the model call. Throws only before the request is sent. */
async function call(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
): Promise<{ readonly outcome: ModelCallOutcome } & StepContext> {
  const { key, runId, position, agent, contributions, stream, signal } = task;
  const { step, attempt } = position;
  signal.throwIfAborted();
  const middleware = agentMiddleware(deps.agents, agent);
  if (step > policy.maxSteps) {
    throw ApplicationFailure.nonRetryable(
      `The run used its ${policy.maxSteps} steps (policy maxSteps) without a final reply.`,
      'step_limit',
    );
  }
  const runs = contextRunsOf(agent.spec, deps.deployment.policy, agent.spec.policy, position.policy);
  const atSummary = agent.spec.window !== undefined && runs > 0;
  const context = withoutOpenCalls(await task.contexts.read(deps.db, key, { runId, position, runs, atSummary }));
  // The worker was lost after it had committed an answer that is not repaired, before the run's end was.
  if (context.output.failed) throw invalidOutput();
  if (position.previousLost) {
    stream.attemptFailed({ step, attempt: attempt - 1, maxAttempts: null, code: 'lost', detail: null, retryAt: null });
  }
  const events = context.runs.map((run) => run.events);
  const found = agent.spec.history === 'service' ? findContinuation(events, position) : null;
  // The provider has the rest of a conversation that continues. What is fitted is for the case that it does not.
  const continues = found?.kind === 'continues';
  const fitted = await fitContext(deps, task, policy, context, { runs, maySummarise: !continues });
  const shown = continues ? context.runs.flatMap(({ entries }) => entries) : fitted.entries;
  stream.start(step, attempt);
  if (attempt > 1) deps.telemetry.metrics.retries.add({ source: 'model' });
  const { callIds: usedIds, output } = context;
  const { schema } = output;
  const compose = (entries: readonly TranscriptEntry[]) =>
    composeCall(agent, position, { schema, contributions, entries, fitted, found, runs });
  const outcome =
    middleware.length > 0
      ? await callWithMiddleware(deps, task, policy, { middleware, entries: shown, output, compose })
      : await callModel(deps, task, policy, compose(shown));
  const omitted = outcome.kind === 'answered' && isContinued(outcome.context) ? 0 : fitted.omitted;
  return { outcome, usedIds, output, omitted };
}

/** Answers the calls of other runs that wait, by a note. */
function withoutOpenCalls(context: ConversationWindow): ConversationWindow {
  const runs = context.runs.map((run) => {
    const entries = answerOpenCalls(run.entries);
    return entries === run.entries ? run : { ...run, entries };
  });
  return { ...context, runs };
}

/** Records a claimed call whose request was not sent: it cost nothing. If the store is away, the next attempt settles it. */
async function recordIfNotMade<T>(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt } }: StepTask,
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const end = error instanceof Stopped ? notMade('stopped') : notMade('failed', codeOf(error));
    // The refusal of a budget is recorded in the transaction that decides it.
    if (end.errorCode !== 'budget_exceeded') {
      await countFailedCall(deps.db, key, { runId, step, attempt, ...end }).catch(() => false);
    }
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
