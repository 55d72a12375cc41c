import { ApplicationFailure } from '@temporalio/activity';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { ModelError } from '../../models/model-client.ts';
import { countFailedCall } from '../../store/runs/count-failed-call.ts';
import { commitRunEnd } from '../../store/runs/commit-run-end.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { callCost, NOTHING_USED } from './call-budget.ts';
import type { AnsweredCall, CallTimings, ModelCallOutcome } from './model-call-outcome.ts';
import { modelFailure } from './model-failure.ts';
import { ABORTED, outcomeOfError, outcomeOfReply } from './provider-outcome.ts';
import type { StepTask } from './step-task.ts';

/**
 * Applies the consequences of a model call's outcome: settles the permit, records a call without a reply, clears or retracts
 * the stream, and throws what Temporal acts on. Returns the answered call, or null when another attempt has the step.
 */
export async function applyCallOutcome(
  deps: ActivityDeps,
  task: StepTask,
  { retry }: Pick<ResolvedPolicy, 'retry'>,
  outcome: ModelCallOutcome,
): Promise<AnsweredCall | null> {
  const { permit, attemptsSinceResume } = task.position;
  switch (outcome.kind) {
    case 'answered':
      // Not awaited: the commit of the reply does not depend on it.
      void permit.settle(outcomeOfReply(outcome.reply));
      return outcome;
    case 'stale':
      return null;
    case 'failed':
      // A call that was not sent leaves the permit to its disposal, which settles it as unused.
      if (outcome.sent) await permit.settle(outcomeOfError(outcome.error));
      await countAndRetract(deps, task, outcome.error, outcome.timings);
      recordFailure(deps, task, outcome.error);
      throw modelFailure(outcome.error, retry, attemptsSinceResume);
    case 'timedOut':
      void permit.settle(ABORTED);
      await countAndRetract(deps, task, outcome.failure, outcome.timings);
      throw outcome.failure;
    case 'stopped':
      void permit.settle(ABORTED);
      // When the worker leaves the run, the next attempt retracts the text.
      if (outcome.stop.why.kind === 'stop') await commitStop(deps, task, outcome.stop.why.reason, outcome.timings);
      throw outcome.stop;
  }
}

/** Records a call without a reply, with its possible cost, and retracts its text even if that fails. */
async function countAndRetract(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt, model }, stream }: StepTask,
  error: ModelError | ApplicationFailure,
  timings: CallTimings,
): Promise<void> {
  const usage = error instanceof ModelError && !error.mayCost ? NOTHING_USED : null;
  const cost = usage ? { ...callCost(deps, model, usage), nanos: 0 } : callCost(deps, model, null);
  try {
    await countFailedCall(deps.db, key, { runId, step, attempt, errorCode: codeOf(error), usage, cost, ...timings });
  } finally {
    stream.retract();
  }
}

/** Commits the partial text in the transaction that ends the run. */
async function commitStop(
  deps: ActivityDeps,
  { key, runId, position, stream }: StepTask,
  reason: string,
  timings: CallTimings,
): Promise<void> {
  const { step, attempt, throughSeq, model } = position;
  const cost = callCost(deps, model, null);
  const partial = { step, attempt, throughSeq, model, ...stream.text, ...timings, cost };
  const end = { status: 'cancelled', reason } as const;
  try {
    const { events } = await commitRunEnd(deps.db, key, { runId, end, partial, failSession: false });
    stream.clear();
    publishAppended(deps, key, events);
  } catch (error) {
    stream.retract();
    throw error;
  }
}

/** The code under which a failed call is recorded. */
export function codeOf(error: unknown): string {
  if (error instanceof ModelError) return error.reason;
  return error instanceof ApplicationFailure ? (error.type ?? 'internal') : 'internal';
}

/** Counts and logs a failed call. */
function recordFailure(
  { telemetry: { metrics, log } }: ActivityDeps,
  { key, runId, position: { step, attempt, model }, agent: { spec } }: StepTask,
  error: ModelError,
): void {
  metrics.errors.add({ agent: spec.name, source: 'model', type: error.reason });
  const where = { session: key.session, run: runId, step, attempt, agent: spec.name, model };
  log.warn('Model call failed', { ...where, code: error.reason, status: error.httpStatus ?? undefined });
}
