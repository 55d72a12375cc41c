import { ApplicationFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import { backoffMs } from '../../core/backoff.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { afterFailedTry } from '../../core/providers/plan-models.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { ModelError } from '../../models/model-client.ts';
import { notMade } from '../../store/budgets/model-call.ts';
import { countFailedCall } from '../../store/runs/count-failed-call.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { acquirePermit } from './acquire-permit.ts';
import { callCost, NOTHING_USED } from './call-budget.ts';
import type { CallSpending } from './call-spending.ts';
import { chargingIfRemoved } from './charge-if-removed.ts';
import { countFallback } from './count-fallback.ts';
import { estimateCall } from './estimate-call.ts';
import type { AnsweredCall, CallTimings, ModelCallOutcome, SentRequest } from './model-call-outcome.ts';
import { modelFailure, retryDelayMs } from './model-failure.ts';
import { MIDDLEWARE_FAILED } from '../middleware/hook-failure.ts';
import { ABORTED, outcomeOfError, outcomeOfReply } from './provider-outcome.ts';
import { refuseRun } from './refuse-run.ts';
import type { StepTask } from './step-task.ts';

/**
 * Applies the consequences of a model call's outcome: settles the permit, records a call without a reply, clears or retracts
 * the stream, and throws what Temporal acts on. Returns the answered call, or null when another attempt has the step.
 */
export async function applyCallOutcome(
  deps: ActivityDeps,
  task: StepTask,
  policy: Pick<ResolvedPolicy, 'retry' | 'whenProviderDown' | 'maxWaitMs' | 'failSessionOnRunFailure'>,
  outcome: ModelCallOutcome,
): Promise<AnsweredCall | null> {
  const { permit } = task.position;
  switch (outcome.kind) {
    case 'answered':
      // Not awaited: the commit of the reply does not depend on it.
      void permit.settle(outcomeOfReply(outcome.reply));
      return outcome;
    case 'stale':
      return null;
    case 'refused':
      throw await refuseRun(deps, task, policy, outcome);
    case 'failed': {
      const { attemptsSinceResume: attempts, otherModels: others, failedModels: failed } = task.position;
      const follows = whatFollows(task, policy.retry, outcome.error);
      const nextModel = follows === 'next' ? others[0] : undefined;
      const failure = modelFailure(outcome.error, policy.retry, attempts, { failed, nextModel });
      // A call that was not sent leaves the permit to its disposal, which settles it as unused.
      if (outcome.sent) await permit.settle(outcomeOfError(outcome.error, task.runId));
      const retryInMs = retryDelayMs(failure);
      const gaveUp = nextModel !== undefined;
      await countAndRetract(deps, task, outcome.error, { ...outcome, retryInMs: gaveUp ? 0 : retryInMs, gaveUp });
      if (gaveUp) {
        publishFallback(task, outcome.error, nextModel);
        countFallback(deps, task.agent, task.position.model, outcome.error.reason);
      } else if (retryInMs !== null) publishRetry(task, outcome.error, policy.retry.maxAttempts, retryInMs);
      logFailure(deps, task, outcome.error.reason, outcome.error);
      throw gaveUp ? failure : await retryOf(deps, task, policy, outcome.error, failure);
    }
    case 'timedOut':
      void permit.settle(ABORTED);
      await countAndRetract(deps, task, outcome.failure, outcome);
      throw outcome.failure;
    case 'stopped':
      void permit.settle(ABORTED);
      if (outcome.stop.why.kind === 'stop') await commitStop(deps, task, outcome.stop.why.reason, outcome);
      else await commitLost(deps, task, outcome);
      throw outcome.stop;
  }
}

/** What follows a failed call: another one to the same model, to the next, or none. */
function whatFollows(
  { runId, position }: StepTask,
  retry: ResolvedPolicy['retry'],
  error: ModelError,
): ReturnType<typeof afterFailedTry> {
  const { attemptsSinceResume: attempts } = position;
  // Another model would not help.
  const otherModels = error.reason === MIDDLEWARE_FAILED ? [] : position.otherModels;
  const mustPause = (outcomeOfError(error, runId).retryAfterMs ?? 0) > backoffMs(retry, attempts);
  const { maxAttempts } = retry;
  return afterFailedTry({
    retryable: error.retryable,
    attempts,
    maxAttempts,
    mustPause,
    others: otherModels.length,
  });
}

interface EndedCall {
  /** Null if the request was not sent. */
  readonly sent: SentRequest | null;
  readonly timings: CallTimings;
}

/**
 * The failure that Temporal acts on. If the provider requested a pause that is longer than the retry's own delay, the run
 * waits for the provider like every other: the wait is recorded and bounded by its policy.
 */
async function retryOf(
  deps: ActivityDeps,
  task: StepTask,
  policy: Parameters<typeof applyCallOutcome>[2],
  error: ModelError,
  failure: ApplicationFailure,
): Promise<ApplicationFailure> {
  const { attemptsSinceResume: attempt, model } = task.position;
  const pauses = outcomeOfError(error, task.runId).retryAfterMs ?? 0;
  if (failure.nonRetryable === true || pauses <= backoffMs(policy.retry, attempt)) return failure;
  const { failedModels: failed } = task.position;
  const { permit } = await acquirePermit(deps, task, { candidates: [model], failed }, policy);
  await permit[Symbol.asyncDispose]();
  return failure;
}

/** Records a call without a reply, with its possible cost, and retracts its text even if that fails. */
async function countAndRetract(
  deps: ActivityDeps,
  task: StepTask,
  error: ModelError | ApplicationFailure,
  { sent, timings, retryInMs = null, gaveUp = false }: CountedCall,
): Promise<void> {
  const { key, runId, stream } = task;
  const { step, attempt, model } = task.position;
  const call = { runId, step, attempt };
  try {
    if (!sent) {
      await countFailedCall(deps.db, key, { ...call, ...notMade('failed', codeOf(error)), retryInMs, gaveUp });
      return;
    }
    const isFree = error instanceof ModelError && !error.mayCost;
    const { usage, cost, estimate } = sent.spent ?? (isFree ? freeCall(deps, model) : unreportedCall(deps, task, sent));
    const providerMessage = error instanceof ModelError ? (error.report?.message ?? null) : null;
    const failure = { errorCode: codeOf(error), providerMessage, retryInMs, gaveUp };
    const { context } = sent;
    const failed = { ...call, ...failure, usage, cost, estimate, context, ...timings };
    await chargingIfRemoved(deps, task, estimate, () => countFailedCall(deps.db, key, failed));
  } finally {
    stream.retract();
  }
}

/** What a call has used that the provider rejected. */
function freeCall(deps: ActivityDeps, model: string): EndedSpending {
  return { usage: NOTHING_USED, cost: { ...callCost(deps, model, NOTHING_USED), nanos: 0 }, estimate: null };
}

/** What a call has used that ended without a report. */
function unreportedCall(deps: ActivityDeps, { stream, position }: StepTask, sent: SentRequest): EndedSpending {
  const { model } = position;
  const estimate = estimateCall(deps, model, sent.inputTokens, stream.text);
  return { usage: null, cost: callCost(deps, model, null), estimate };
}

type EndedSpending = Pick<CallSpending, 'usage' | 'cost' | 'estimate'>;

interface CountedCall extends EndedCall {
  readonly retryInMs?: number | null;
  /** Whether another model is asked next. */
  readonly gaveUp?: boolean;
}

/** Reports to readers that another model is asked. */
function publishFallback(
  { stream, position: { step, attempt } }: StepTask,
  error: ModelError,
  nextModel: string,
): void {
  const { reason: code, message: detail } = error;
  stream.attemptFailed({ step, attempt, maxAttempts: null, code, detail, retryAt: null, nextModel });
}

/** Reports to readers that the call is retried. */
function publishRetry(
  { stream, position: { step, attempt, attemptsSinceResume } }: StepTask,
  error: ModelError,
  allowed: number,
  retryInMs: number,
): void {
  stream.attemptFailed({
    step,
    attempt,
    maxAttempts: attempt - attemptsSinceResume + allowed,
    code: error.reason,
    detail: error.message,
    retryAt: new Date(Date.now() + retryInMs).toISOString(),
  });
}

/** Commits the partial text in the transaction that ends the run. */
async function commitStop(
  deps: ActivityDeps,
  task: StepTask,
  reason: string,
  { sent, timings }: EndedCall & { readonly sent: SentRequest },
): Promise<void> {
  const { key, runId, stream } = task;
  const { step, attempt, throughSeq, model } = task.position;
  const { cost, estimate } = sent.spent ?? unreportedCall(deps, task, sent);
  const partial = {
    step,
    attempt,
    throughSeq,
    model,
    ...stream.text,
    ...timings,
    cost,
    estimate,
    context: sent.context,
  };
  const end = { status: 'cancelled', reason } as const;
  try {
    const { events } = await chargingIfRemoved(deps, task, estimate, () =>
      commitRunEnd(deps.db, key, { runId, end, partial, failSession: false }),
    );
    stream.clear();
    publishAppended(deps, key, events);
  } catch (error) {
    stream.retract();
    throw error;
  }
}

/**
 * Records the call of a run that this worker leaves. The next attempt retracts its text. If the store is away, the claim of
 * that attempt settles the call.
 */
async function commitLost(
  deps: ActivityDeps,
  task: StepTask,
  { sent, timings }: EndedCall & { readonly sent: SentRequest },
): Promise<void> {
  const { key, runId } = task;
  const { step, attempt } = task.position;
  const { usage, cost, estimate } = sent.spent ?? unreportedCall(deps, task, sent);
  const lost = { outcome: 'lost', usage, cost, estimate, context: sent.context, ...timings } as const;
  await chargingIfRemoved(deps, task, estimate, () =>
    countFailedCall(deps.db, key, { runId, step, attempt, ...lost }),
  ).catch(() => {});
}

/** The code under which a failed call is recorded. */
export function codeOf(error: unknown): string {
  if (error instanceof ModelError) return error.reason;
  if (error instanceof PerdureError) return error.code;
  return error instanceof ApplicationFailure ? (error.type ?? 'internal') : 'internal';
}

/** Counts and logs a failed call. */
export function logFailure(
  { telemetry: { metrics, log } }: ActivityDeps,
  { key, runId, position: { step, attempt, model }, agent: { spec } }: StepTask,
  code: string,
  error?: ModelError,
): void {
  metrics.errors.add({ agent: spec.name, source: 'model', type: code });
  const where = { session: key.session, run: runId, step, attempt, agent: spec.name, model };
  const { code: providerCode, type: providerType, param: providerParam } = error?.report ?? {};
  log.warn('Model call failed', {
    ...where,
    code,
    status: error?.httpStatus ?? undefined,
    providerCode: identifierOf(providerCode),
    providerType: identifierOf(providerType),
    providerParam: identifierOf(providerParam),
  });
}

/** What looks like an identifier. Anything else that a provider sends may quote the conversation. */
function identifierOf(text: string | null | undefined): string | undefined {
  return text != null && /^[\w.:[\]-]{1,64}$/.test(text) ? text : undefined;
}
