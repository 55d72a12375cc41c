import type { ApplicationFailure } from '@temporalio/activity';
import { canonicalJson } from '../../../contracts/canonical-json.ts';
import type { ContextRecord } from '../../../contracts/session/call-context.ts';
import type { RebuildReason } from '../../../contracts/session/run.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import type { OutputState } from '../../../core/output/output-state.ts';
import { composeHooks, type Hook } from '../../../core/middleware/compose-hooks.ts';
import { omitUndefined } from '../../../core/omit-undefined.ts';
import type { ResolvedPolicy } from '../../../core/policy.ts';
import {
  changeableRequest,
  changeContext,
  recordChanges,
  type ChangeableRequest,
} from '../../../models/changed-context.ts';
import { ModelError, type ModelReply } from '../../../models/model-client.ts';
import { requestOf, type ModelContext } from '../../../models/model-context.ts';
import type { AgentMiddleware } from '../../middleware/agent-middleware.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { Stopped } from '../../shared/stop-watch.ts';
import { runTimedOut } from '../call-model.ts';
import type { CallInput } from '../conversation/compose-call.ts';
import type { ModelCallOutcome } from '../model-call-outcome.ts';
import { reasonToRebuild } from '../prepare-call.ts';
import type { StepTask } from '../step-task.ts';
import { AttemptCalls, outcomeOfEnd } from './attempt-calls.ts';
import { decideInput } from './decide-input.ts';
import { decideOutput } from './decide-output.ts';
import { callStepHook, checkedReply, checkedRequest, type HookedAttempt } from './step-hooks.ts';

/** What a step with middleware is given. */
export interface HookedStep {
  readonly middleware: readonly AgentMiddleware[];
  readonly entries: readonly TranscriptEntry[];
  readonly output: OutputState;
  /** Composes the call, from the entries with the decisions on their messages. */
  readonly compose: (entries: readonly TranscriptEntry[]) => CallInput;
}

/**
 * Makes the model call of a step through the middleware of its agent: `input` decides on new messages, `model` is around the call, and
 * `output` decides on an answer. Returns how the attempt ended, with what all of its calls have used. Throws only before a request is sent.
 */
export async function callWithMiddleware(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  step: HookedStep,
): Promise<ModelCallOutcome> {
  const timeUp = new AbortController();
  const remainingMs = Math.max(1, policy.runTimeoutMs - task.position.activeMs);
  const timer = setTimeout(() => timeUp.abort(runTimedOut()), remainingMs);
  const signal = AbortSignal.any([task.signal, timeUp.signal]);
  const calls = new AttemptCalls(deps, task, policy, signal);
  const attempt = { deps, task, calls, signal };
  const request = new SentContext(task, step.middleware);
  try {
    return await decideAndCall(attempt, step, request);
  } catch (error) {
    await calls.settled();
    const record = request.recordOf(step, calls);
    const sent = calls.sent(record);
    const { timings } = calls;
    if (signal.aborted && calls.ended === null) {
      const reason = signal.reason as Stopped | ApplicationFailure;
      if (reason instanceof Stopped) return { kind: 'stopped', stop: reason, sent, timings };
      return { kind: 'timedOut', failure: reason, sent, timings };
    }
    if (error instanceof ModelError) return { kind: 'failed', error, sent: calls.made > 0 ? sent : null, timings };
    const ended = outcomeOfEnd(error, calls, record);
    if (ended === null) throw error;
    return ended;
  } finally {
    clearTimeout(timer);
    // Returns a permit that no call has used: the outcome of the attempt is no outcome of its provider. Has no effect on a settled one.
    await task.position.permit[Symbol.asyncDispose]();
  }
}

async function decideAndCall(
  attempt: HookedAttempt,
  step: HookedStep,
  request: SentContext,
): Promise<ModelCallOutcome> {
  const { calls, task } = attempt;
  const { middleware, output } = step;
  const { entries, end } = await decideInput(attempt, middleware, step.entries);
  request.compose(step, entries);
  const ended = async () => {
    // A hook may have left a call in progress.
    await calls.settled();
    return { ...calls.sent(request.recordOf(step, calls)), ...calls.timings };
  };
  if (end?.kind === 'refuse') {
    const { firstTokenMs, durationMs, ...sent } = await ended();
    return { kind: 'refused', reason: end.reason, sent, timings: { firstTokenMs, durationMs } };
  }
  if (end?.kind === 'answer') {
    const { text, middleware: name } = end;
    const sent = await ended();
    const { usage } = sent.spent;
    const reply = { text, reasoning: '', toolCalls: [], finish: 'stop', usage, model: name } as const;
    return { kind: 'answered', reply, changedBy: [name], ...sent };
  }
  const reply = await callThroughHooks(attempt, middleware, request);
  const decided = await decideOutput(attempt, middleware, { reply, output, entries });
  if ('refused' in decided) {
    const { firstTokenMs, durationMs, ...sent } = await ended();
    return { kind: 'refused', reason: decided.refused, sent, timings: { firstTokenMs, durationMs } };
  }
  const { changedBy } = decided;
  const sent = await ended();
  retractIfReplaced(task, decided.reply);
  return {
    kind: 'answered',
    reply: { ...request.withConversation(decided.reply), usage: sent.spent.usage },
    ...omitUndefined({ changedBy: changedBy.length > 0 ? changedBy : undefined }),
    ...sent,
  };
}

async function callThroughHooks(
  attempt: HookedAttempt,
  middleware: readonly AgentMiddleware[],
  request: SentContext,
): Promise<ModelReply> {
  const { calls, task } = attempt;
  const hooks = middleware.flatMap((one) => modelHook(attempt, one) ?? []);
  const call = composeHooks(hooks, async (context: ModelContext) => {
    const onDelta = request.send(context);
    const { model } = task.position;
    const reply = await calls.make({ model, request: requestOf(context, ''), isOfStep: true, onDelta });
    request.received(reply);
    return reply;
  });
  const reply = await call(request.composed).catch((error: unknown) => {
    // The provider refused to continue its conversation: the hooks are called again, with the whole context.
    const reason = calls.ended === null && error instanceof ModelError ? reasonToRebuild(error) : null;
    if (reason === null || !request.rebuild(reason)) throw error;
    return call(request.composed);
  });
  // A hook may have caught what ends the attempt.
  if (calls.ended !== null) throw calls.ended;
  return reply;
}

function modelHook(attempt: HookedAttempt, middleware: AgentMiddleware): Hook<ModelContext, ModelReply> | null {
  const { model: hook, name } = middleware;
  if (hook === null) return null;
  return async (context, next) => {
    const given = changeableRequest(context);
    // Changed in place, a message would be another one in the next call, too.
    for (const message of given.messages) Object.freeze(message);
    const result = await callStepHook(attempt, middleware, (call, { outside }) => {
      const nextOf = (changed: ChangeableRequest = given) =>
        outside(() => next(changed === given ? context : changeContext(context, checkedRequest(name, changed), name)));
      return hook({ ...call, request: given }, nextOf);
    });
    return checkedReply(middleware, result);
  };
}

/** Retracts streamed text that is not that of the reply. */
function retractIfReplaced({ stream }: StepTask, { text, reasoning }: ModelReply): void {
  const { text: streamed } = stream;
  const isReplaced =
    (streamed.text !== '' && streamed.text !== text) || (streamed.reasoning !== '' && streamed.reasoning !== reasoning);
  if (isReplaced) stream.retract();
}

/** The request of an attempt: as it was composed, and as it was sent last. */
class SentContext {
  readonly #task: StepTask;
  readonly #holdsText: boolean;
  #input: CallInput | null = null;
  #sent: ModelContext | null = null;
  #sends = 0;
  readonly #replies: ModelReply[] = [];

  constructor(task: StepTask, middleware: readonly AgentMiddleware[]) {
    this.#task = task;
    this.#holdsText = middleware.some(({ holdsText }) => holdsText);
  }

  compose({ compose }: HookedStep, entries: readonly TranscriptEntry[]): void {
    this.#input = compose(entries);
  }

  get composed(): ModelContext {
    if (this.#input === null) throw new Error('The context is composed after the decision on its messages.');
    return this.#input.context;
  }

  /** Composes the whole context for a call that was to continue a conversation. False for another call. */
  rebuild(reason: RebuildReason): boolean {
    const rebuilt = this.#input?.rebuild?.(reason);
    if (!rebuilt) return false;
    this.#input = rebuilt;
    this.#sent = null;
    this.#sends = 0;
    return true;
  }

  received(reply: ModelReply): void {
    this.#replies.push(reply);
  }

  /**
   * A reply with the place where its provider keeps it. None for a reply that hooks have changed, or made themselves. A
   * `conversation` has the reply of each call, so none is given after several.
   */
  withConversation(decided: ModelReply): ModelReply {
    const { conversation: _, ...reply } = decided;
    const given = this.#replies.findLast(
      ({ text, toolCalls }) => text === reply.text && canonicalJson(toolCalls) === canonicalJson(reply.toolCalls),
    );
    const conversation = given?.conversation;
    const isAlone = this.#sends === 1 || conversation?.kind === 'response';
    return conversation && isAlone ? { ...reply, conversation } : reply;
  }

  /** Notes what is sent. Returns where its text goes: the first call of the step streams it, unless it is held; a later call retracts it, and streams none. */
  send(context: ModelContext): (delta: { readonly kind: 'text' | 'reasoning'; readonly text: string }) => void {
    const isFirst = this.#sent === null;
    this.#sent = context;
    this.#sends += 1;
    const { stream } = this.#task;
    if (isFirst && !this.#holdsText) return ({ kind, text }) => stream.append(kind, text);
    stream.retract();
    return () => {};
  }

  recordOf({ compose, entries }: HookedStep, calls: AttemptCalls): ContextRecord {
    const { context, record } = this.#input ?? compose(entries);
    const changed = this.#sent === null ? undefined : recordChanges(context, this.#sent);
    const maxOutputTokens = calls.maxOutputTokens ?? undefined;
    return { ...record, ...omitUndefined({ changed, maxOutputTokens }) };
  }
}
