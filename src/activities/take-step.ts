import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../contracts/agent.ts';
import { PerdureError } from '../contracts/errors.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { resolvePolicy, type ResolvedPolicy } from '../core/policy.ts';
import { usdOf } from '../core/price.ts';
import type { StepDigest } from '../core/session-details.ts';
import { ModelError, type ModelReply } from '../models/model-client.ts';
import { commitStep } from '../store/commit-step.ts';
import { countFailedCall, type FailedCall } from '../store/count-failed-call.ts';
import { endRun } from '../store/end-run.ts';
import { budgetsOf, costOf, NOTHING_USED } from './budget-terms.ts';
import { CUT_OFF, endOfFailure, endOfReply } from './call-end.ts';
import type { ContextCache } from './context-cache.ts';
import type { ActivityDeps } from './deps.ts';
import { judgeCalls, placeCalls, type PlacedCalls } from './judge-calls.ts';
import { modelRequest } from './model-request.ts';
import type { NextPosition } from './next-position.ts';
import { providerFailure } from './provider-failure.ts';
import { reserved } from './reserve.ts';
import { ring } from './ring.ts';
import type { RunVoice } from './run-voice.ts';
import { Stopped } from './stop-watch.ts';

export interface StepTask {
  readonly key: SessionKey;
  readonly runId: string;
  /** Its pass is settled here, however the step ends. */
  readonly position: Extract<NextPosition, { kind: 'model' }>;
  readonly agent: AgentVersion;
  readonly voice: RunVoice;
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
}

/** How a step ended. `stale`: another attempt has the step now, or the run has ended; look again. */
export type StepOutcome =
  | ({ readonly kind: 'committed'; readonly ended: boolean; readonly digest: StepDigest } & PlacedCalls)
  | { readonly kind: 'stale' };

/** One model call, from its context to its commit. Throws {@link Stopped}, or the failure that Temporal acts on. */
export async function takeStep(deps: ActivityDeps, task: StepTask): Promise<StepOutcome> {
  const { key, runId, position, agent, voice } = task;
  await using _pass = position.pass;
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
  voice.begin(position.step, position.attempt);
  if (position.attempt > 1) deps.telemetry.metrics.retries.add({ source: 'model' });
  const call = await callModel(deps, task, policy, (model) =>
    modelRequest(agent, model, position, context.entries),
  ).catch(async (error: unknown) => {
    if (error instanceof Stopped) throw error;
    voice.retract();
    // The store's failure to keep a partial text is Temporal's to retry, as any of the store's is.
    if (error instanceof ApplicationFailure || error instanceof PerdureError) throw error;
    const failure = asModelError(error);
    tellOfFailure(deps, task, failure);
    throw providerFailure(failure, policy.retry, position.tries);
  });
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
  voice.finish();
  if (commit.outcome === 'stale') return { kind: 'stale' };
  task.contexts.follow(key, position.conversation.createdAt, commit.events);
  const labels = { agent: agent.spec.name, model: position.model };
  if (cost.nanos !== null) deps.telemetry.metrics.costUsd.add(labels, usdOf(cost.nanos));
  ring(deps.live, key, commit.events);
  return {
    kind: 'committed',
    ended: commit.ended,
    digest: digest(task, call),
    ...placeCalls(calls, { key, runId, agent, step: position.step }),
  };
}

interface Call {
  readonly reply: ModelReply;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

async function callModel(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  requestTo: (model: string) => ReturnType<typeof modelRequest>,
): Promise<Call | null> {
  const { runId, position, voice, signal } = task;
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
        voice.say(kind, text);
      },
    });
    // Not waited for: the reply's commit need not.
    void position.pass.settle(endOfReply(reply));
    return { reply, firstTokenMs, durationMs: elapsed() };
  } catch (error) {
    const timings = { firstTokenMs, durationMs: elapsed() };
    if (!abort.aborted) {
      await position.pass.settle(endOfFailure(asModelError(error)));
      await failCall(deps, task, error, timings);
      throw error;
    }
    void position.pass.settle(CUT_OFF);
    if (abort.reason instanceof Stopped && abort.reason.why.kind === 'stop') {
      await commitStop(deps, task.key, { runId, position, voice, stopped: abort.reason, ...timings });
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

/** The verdict on a reply's calls; a reply that is not taken at all was still paid for. */
async function judged<T>(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt } }: StepTask,
  call: Call & Pick<FailedCall, 'usage' | 'cost'>,
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

async function failCall(
  deps: ActivityDeps,
  { key, runId, position: { step, attempt, model } }: StepTask,
  error: unknown,
  timings: Pick<FailedCall, 'firstTokenMs' | 'durationMs'>,
): Promise<void> {
  const usage = error instanceof ModelError && !error.mayCost ? NOTHING_USED : null;
  const cost = usage ? { ...costOf(deps, model, usage), nanos: 0 } : costOf(deps, model, null);
  await countFailedCall(deps.db, key, { runId, step, attempt, errorCode: codeOf(error), usage, cost, ...timings });
}

function codeOf(error: unknown): string {
  if (error instanceof ModelError) return error.reason;
  return error instanceof ApplicationFailure ? (error.type ?? 'internal') : 'internal';
}

/** Keeps what the model had said, marked as partial, in the transaction that ends the run. */
async function commitStop(
  deps: ActivityDeps,
  key: SessionKey,
  stop: Pick<StepTask, 'runId' | 'position' | 'voice'> & {
    stopped: Stopped;
    firstTokenMs: number | null;
    durationMs: number;
  },
): Promise<void> {
  const { runId, position, voice, stopped, firstTokenMs, durationMs } = stop;
  const { step, attempt, throughSeq, model } = position;
  const reason = stopped.why.kind === 'stop' ? stopped.why.reason : 'cancelled';
  const cost = costOf(deps, model, null);
  const partial = { step, attempt, throughSeq, model, ...voice.said, firstTokenMs, durationMs, cost };
  const ended = await endRun(deps.db, key, {
    runId,
    end: { status: 'cancelled', reason },
    partial,
    failSession: false,
  });
  voice.finish();
  ring(deps.live, key, ended.events);
}

function tellOfFailure(
  { telemetry: { metrics, log } }: ActivityDeps,
  { key, runId, position: { step, attempt, model }, agent: { spec } }: StepTask,
  error: ModelError,
): void {
  metrics.errors.add({ agent: spec.name, source: 'model', type: error.reason });
  const where = { session: key.session, run: runId, step, attempt, agent: spec.name, model };
  log.warn('Model call failed', { ...where, code: error.reason, status: error.httpStatus ?? undefined });
}

/** What a model client throws beside a {@link ModelError} is a mistake of its own: tried again, but not for ever. */
function asModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new ModelError('internal', `The model client failed (${name}).`, { retryable: true, cause: error });
}

function runTimedOut(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The run used up its working time (policy runTimeoutMs).', 'run_timeout');
}

function digest({ runId, position, agent }: StepTask, { reply, durationMs }: Call): StepDigest {
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
