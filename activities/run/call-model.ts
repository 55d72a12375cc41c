import { ApplicationFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { ModelError, type ModelClient, type ModelRequest } from '../../models/model-client.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { Stopped } from '../shared/stop-watch.ts';
import type { ModelCallOutcome } from './model-call-outcome.ts';
import { reserveBudget } from './reserve-budget.ts';
import type { StepTask } from './step-task.ts';

/**
 * Makes the model call of a step, within its budgets and the run's remaining working time, and returns how it ended. Streams
 * text to the step's stream; settles nothing. Throws only when the call cannot be attempted: `budget_exceeded`, and errors of the store.
 */
export async function callModel(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  requestTo: (model: string) => ModelRequest,
): Promise<ModelCallOutcome> {
  let prepared: PreparedCall | null;
  try {
    prepared = await prepare(deps, task, policy, requestTo);
  } catch (error) {
    if (error instanceof ApplicationFailure || error instanceof PerdureError) throw error;
    const timings = { firstTokenMs: null, durationMs: 0 };
    return { kind: 'failed', error: asModelError(error), sent: false, timings };
  }
  return prepared ? await send(prepared, task, policy.runTimeoutMs - task.position.activeMs) : { kind: 'stale' };
}

interface PreparedCall {
  readonly client: ModelClient;
  readonly request: ModelRequest;
}

async function prepare(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  requestTo: (model: string) => ModelRequest,
): Promise<PreparedCall | null> {
  const { client, model } = deps.models.resolve(task.position.model);
  const request = await reserveBudget(deps, task, policy, requestTo(model));
  return request && { client, request };
}

async function send(
  { client, request }: PreparedCall,
  { stream, signal }: StepTask,
  remainingMs: number,
): Promise<ModelCallOutcome> {
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(runTimedOut()), Math.max(1, remainingMs));
  const abort = AbortSignal.any([signal, timeUp.signal]);
  const startedAt = performance.now();
  const elapsed = () => Math.round((performance.now() - startedAt) * 10) / 10;
  let firstTokenMs: number | null = null;
  try {
    abort.throwIfAborted();
    const reply = await client.generate(request, {
      signal: abort,
      onDelta: ({ kind, text }) => {
        firstTokenMs ??= elapsed();
        stream.append(kind, text);
      },
    });
    return { kind: 'answered', reply, firstTokenMs, durationMs: elapsed() };
  } catch (error) {
    const timings = { firstTokenMs, durationMs: elapsed() };
    if (!abort.aborted) return { kind: 'failed', error: asModelError(error), sent: true, timings };
    const reason = abort.reason as Stopped | ApplicationFailure;
    if (reason instanceof Stopped) return { kind: 'stopped', stop: reason, timings };
    return { kind: 'timedOut', failure: reason, timings };
  } finally {
    clearTimeout(timer);
  }
}

/** An error other than a {@link ModelError} is a bug of the client. It is retryable, within the policy's attempts. */
function asModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new ModelError('internal', `The model client failed unexpectedly (${name}).`, {
    retryable: true,
    cause: error,
  });
}

function runTimedOut(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The run used up its working time (policy runTimeoutMs).', 'run_timeout');
}
