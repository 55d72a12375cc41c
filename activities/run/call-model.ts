import { ApplicationFailure } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { ModelError, type ModelCallOptions } from '../../models/model-client.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { holdAttachments } from '../shared/load-attachments.ts';
import { Stopped } from '../shared/stop-watch.ts';
import type { CallInput } from './conversation/compose-call.ts';
import type { ModelCallOutcome } from './model-call-outcome.ts';
import { prepareCall, type CallToPrepare, type PreparedCall, type ReservedCall } from './prepare-call.ts';
import type { StepTask } from './step-task.ts';

/**
 * Makes the model call of a step, within its budgets and the run's remaining working time, and returns how it ended. Streams
 * text to the step's stream; settles nothing. Throws only before the request is sent: `budget_exceeded`, and errors of the store.
 */
export async function callModel(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  input: CallInput,
): Promise<ModelCallOutcome> {
  const prepare = () => prepareCall(deps, task, policy, input);
  const { outcome, call } = await makeCall(task, policy, { context: input.context, prepare });
  // Within the attempt: the provider refused the request, and the conversation continues in another one.
  const rebuilt = outcome.kind === 'failed' ? call?.rebuild?.(outcome.error) : null;
  return rebuilt ? (await makeCall(task, policy, rebuilt)).outcome : outcome;
}

/** Makes a call, while the memory of its attachments is held. */
async function makeCall(
  { stream, signal, position }: StepTask,
  { runTimeoutMs, modelSilenceMs }: ResolvedPolicy,
  { context, prepare }: CallToPrepare,
): Promise<{ readonly outcome: ModelCallOutcome; readonly call?: ReservedCall }> {
  const messages = context.messages.map(({ message }) => message);
  using _held = await holdAttachments(messages, signal);
  let call: ReservedCall | null;
  try {
    call = await prepare();
  } catch (error) {
    if (error instanceof ApplicationFailure || error instanceof PerdureError) throw error;
    const timings = { firstTokenMs: null, durationMs: 0 };
    return { outcome: { kind: 'failed', error: asModelError(error), sent: null, timings } };
  }
  if (!call) return { outcome: { kind: 'stale' } };
  const remainingMs = runTimeoutMs - position.activeMs;
  const onDelta: Sending['onDelta'] = ({ kind, text }) => stream.append(kind, text);
  return { call, outcome: await sendRequest(call, { signal, remainingMs, modelSilenceMs, onDelta }) };
}

/** How a request is sent. */
export interface Sending {
  readonly signal: AbortSignal;
  /** The run's remaining working time. */
  readonly remainingMs: number;
  readonly modelSilenceMs: number;
  readonly onDelta: ModelCallOptions['onDelta'];
}

/** Sends a request and returns how the call ended. */
export async function sendRequest(
  { client, request, inputTokens, record: context }: PreparedCall,
  { signal, remainingMs, modelSilenceMs, onDelta }: Sending,
): Promise<ModelCallOutcome> {
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(runTimedOut()), Math.max(1, remainingMs));
  const abort = AbortSignal.any([signal, timeUp.signal]);
  const sent = { inputTokens, context };
  const startedAt = performance.now();
  const elapsed = () => Math.round((performance.now() - startedAt) * 10) / 10;
  let firstTokenMs: number | null = null;
  try {
    abort.throwIfAborted();
    const reply = await client.generate(request, {
      signal: abort,
      // Without streaming nothing arrives before the whole reply, so only the run's working time limits it.
      silenceMs: request.stream ? modelSilenceMs : Math.max(1, remainingMs),
      onDelta: (delta) => {
        firstTokenMs ??= elapsed();
        onDelta(delta);
      },
    });
    return { kind: 'answered', reply, ...sent, firstTokenMs, durationMs: elapsed() };
  } catch (error) {
    const timings = { firstTokenMs, durationMs: elapsed() };
    if (!abort.aborted) return { kind: 'failed', error: asModelError(error), sent, timings };
    const reason = abort.reason as Stopped | ApplicationFailure;
    if (reason instanceof Stopped) return { kind: 'stopped', stop: reason, sent, timings };
    return { kind: 'timedOut', failure: reason, sent, timings };
  } finally {
    clearTimeout(timer);
  }
}

/** An error other than a {@link ModelError} is a bug of the client. It is retryable, within the policy's attempts. */
export function asModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return new ModelError('internal', `The model client failed unexpectedly (${name}).`, {
    retryable: true,
    cause: error,
  });
}

/** The failure that ends a run at its time limit. */
export function runTimedOut(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('The run used up its working time (policy runTimeoutMs).', 'run_timeout');
}
