import { ApplicationFailure } from '@temporalio/activity';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { ModelReply, ModelRequest } from '../../models/model-client.ts';
import { endRun } from '../../store/runs/end-run.ts';
import { costOf } from './budget-terms.ts';
import { CUT_OFF, endOfFailure, endOfReply } from './call-end.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { asModelError, failCall } from './failed-model-call.ts';
import { reserved } from './reserve.ts';
import type { StepTask } from './step-task.ts';
import { Stopped } from '../shared/stop-watch.ts';

/** A model call that gave its reply. */
export interface AnsweredCall {
  readonly reply: ModelReply;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/**
 * Makes the model call of a step, within what its budgets and the run's working time leave. Null when another attempt has
 * the step. A call that fails is counted, and the partial text of one that is stopped is kept, before this throws.
 */
export async function callModel(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  requestTo: (model: string) => ModelRequest,
): Promise<AnsweredCall | null> {
  const { position, stream, signal } = task;
  const { client, model } = await resolved(deps, task);
  const request = await reserved(deps, task, policy, requestTo(model));
  if (!request) return null;
  const remainingMs = policy.runTimeoutMs - position.activeMs;
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(runTimedOut()), Math.max(1, remainingMs));
  const began = performance.now();
  let firstTokenMs: number | null = null;
  const elapsed = () => Math.round((performance.now() - began) * 10) / 10;
  const abort = AbortSignal.any([signal, timeUp.signal]);
  try {
    abort.throwIfAborted();
    const reply = await client.generate(request, {
      signal: abort,
      onDelta: ({ kind, text }) => {
        firstTokenMs ??= elapsed();
        stream.append(kind, text);
      },
    });
    // Not waited for: the reply's commit need not.
    void position.permit.settle(endOfReply(reply));
    return { reply, firstTokenMs, durationMs: elapsed() };
  } catch (error) {
    const timings = { firstTokenMs, durationMs: elapsed() };
    if (!abort.aborted) {
      await position.permit.settle(endOfFailure(asModelError(error)));
      await failCall(deps, task, error, timings);
      throw error;
    }
    void position.permit.settle(CUT_OFF);
    if (abort.reason instanceof Stopped && abort.reason.why.kind === 'stop') {
      await commitStop(deps, task, abort.reason.why.reason, timings);
    } else if (!(abort.reason instanceof Stopped)) {
      await failCall(deps, task, abort.reason, timings);
    }
    throw abort.reason;
  } finally {
    clearTimeout(timer);
  }
}

/** A provider or model that is not there fails the call before it is made. */
async function resolved(deps: ActivityDeps, task: StepTask): Promise<ReturnType<ActivityDeps['models']['resolve']>> {
  try {
    return deps.models.resolve(task.position.model);
  } catch (error) {
    await failCall(deps, task, error, { firstTokenMs: null, durationMs: 0 });
    throw error;
  }
}

/** Keeps what the model had said, marked as partial, in the transaction that ends the run. */
async function commitStop(
  deps: ActivityDeps,
  { key, runId, position, stream }: StepTask,
  reason: string,
  timings: { readonly firstTokenMs: number | null; readonly durationMs: number },
): Promise<void> {
  const { step, attempt, throughSeq, model } = position;
  const cost = costOf(deps, model, null);
  const partial = { step, attempt, throughSeq, model, ...stream.text, ...timings, cost };
  const ended = await endRun(deps.db, key, {
    runId,
    end: { status: 'cancelled', reason },
    partial,
    failSession: false,
  });
  stream.clear();
  publishAppended(deps, key, ended.events);
}

function runTimedOut(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The run used up its working time (policy runTimeoutMs).', 'run_timeout');
}
