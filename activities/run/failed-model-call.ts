import { ApplicationFailure } from '@temporalio/activity';
import { ModelError } from '../../models/model-client.ts';
import { countFailedCall, type FailedCall } from '../../store/runs/count-failed-call.ts';
import { costOf, NOTHING_USED } from './budget-terms.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { StepTask } from './step-task.ts';

/** Counts a call that gave no reply, with what it may have cost. */
export async function failCall(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt, model } }: StepTask,
  error: unknown,
  timings: Pick<FailedCall, 'firstTokenMs' | 'durationMs'>,
): Promise<void> {
  const usage = error instanceof ModelError && !error.mayCost ? NOTHING_USED : null;
  const cost = usage ? { ...costOf(deps, model, usage), nanos: 0 } : costOf(deps, model, null);
  await countFailedCall(deps.db, key, { runId, step, attempt, errorCode: codeOf(error), usage, cost, ...timings });
}

/** The code a failed call is counted under. */
export function codeOf(error: unknown): string {
  if (error instanceof ModelError) return error.reason;
  return error instanceof ApplicationFailure ? (error.type ?? 'internal') : 'internal';
}

/** What a model client throws beside a {@link ModelError} is a mistake of its own: tried again, but not for ever. */
export function asModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new ModelError('internal', `The model client failed (${name}).`, { retryable: true, cause: error });
}

/** Counts and logs that a call failed. */
export function tellOfFailure(
  { telemetry: { metrics, log } }: ActivityDeps,
  { key, runId, position: { step, attempt, model }, agent: { spec } }: StepTask,
  error: ModelError,
): void {
  metrics.errors.add({ agent: spec.name, source: 'model', type: error.reason });
  const where = { session: key.session, run: runId, step, attempt, agent: spec.name, model };
  log.warn('Model call failed', { ...where, code: error.reason, status: error.httpStatus ?? undefined });
}
