import { ApplicationFailure } from '@temporalio/activity';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { describePause } from '../../core/pauses/describe-pause.ts';
import { pauseOf } from '../../core/pauses/find-pause.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { describeFailedModels, type ModelPlan } from '../../core/providers/plan-models.ts';
import { waitMessage } from '../../core/providers/wait-message.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { AcquireResult, Permit } from '../shared/provider-limiter.ts';
import { waitForPause } from '../shared/wait-for-pause.ts';
import { providerOf } from '../../core/providers/provider-of.ts';

interface Run {
  readonly key: SessionKey;
  readonly runId: string;
  readonly signal: AbortSignal;
}

/** The models that a call may ask, in order, and those that gave no answer. */
export type AskableModels = Pick<ModelPlan, 'candidates' | 'failed'>;

/** A model that a call was to ask, and why it does not. */
export interface PassedModel {
  readonly model: string;
  readonly why: WaitResult['why'];
}

/** A permit, the model that it is for, and those before it whose providers cannot be called now. */
export interface ModelPermit {
  readonly permit: Permit;
  readonly model: string;
  readonly passed: readonly PassedModel[];
}

type WaitResult = Exclude<AcquireResult, { kind: 'granted' }>;

/**
 * Acquires the permit for a run's next call: to the first model whose provider has neither an open circuit nor a cool-down.
 * If no model can be asked now, or if the first one that can is at a limit of the deployment, the run has to wait: throws a
 * failure that Temporal retries after the delay; the wait is recorded. If the policy does not allow the wait, throws one that
 * ends the run, and names them all.
 */
export async function acquirePermit(
  { limiter, pauses }: Pick<ActivityDeps, 'limiter' | 'pauses'>,
  { key, runId, signal }: Run,
  { candidates: planned, failed }: AskableModels,
  { whenProviderDown, maxWaitMs }: Pick<ResolvedPolicy, 'whenProviderDown' | 'maxWaitMs'>,
): Promise<ModelPermit> {
  const pauseOfModel = (model: string) => pauseOf(pauses.current, 'provider', providerOf(model));
  const candidates = planned.filter((model) => pauseOfModel(model) === null);
  const [paused] = planned;
  const pause = candidates.length === 0 && paused !== undefined ? pauseOfModel(paused) : null;
  if (pause?.refuse === true) throw ApplicationFailure.nonRetryable(describePause(pause), 'model_unavailable');
  if (pause !== null) throw waitForPause(pause);
  const failsAtOnce = whenProviderDown === 'fail';
  const request = { runId, maxWaitMs: failsAtOnce ? 0 : maxWaitMs };
  const passed: { readonly model: string; readonly result: WaitResult }[] = [];
  let waits: { readonly model: string; readonly result: WaitResult } | null = null;
  for (const model of candidates) {
    const result = await limiter.acquire(providerOf(model), key, { ...request, mayPass: candidates.length > 1 });
    if (result.kind === 'granted') {
      return { permit: result.permit, model, passed: passed.map((one) => ({ model: one.model, why: one.result.why })) };
    }
    if (result.kind !== 'passed') {
      waits = { model, result };
      break;
    }
    passed.push({ model, result });
  }
  // All are down. The run waits for the first, so that its waits add up, and tries again when any of them can be called.
  const [first] = passed;
  if (waits === null && first) {
    const ends = passed.flatMap(({ result: { untilMs } }) => (untilMs === null ? [] : [untilMs]));
    const otherwiseAtMs = ends.length === 0 ? null : Math.min(...ends);
    const result = await limiter.acquire(providerOf(first.model), key, { ...request, otherwiseAtMs });
    if (result.kind === 'granted') return { permit: result.permit, model: first.model, passed: [] };
    waits = { model: first.model, result };
  }
  if (waits === null) throw new Error('A model call has no model to ask.');
  // A stop takes precedence over a wait.
  signal.throwIfAborted();
  const { model, result } = waits;
  const others = passed.filter((one) => one.model !== model).map((one) => messageOf(one.model, one.result));
  const message = `${[messageOf(model, result), ...new Set(others)].join(' ')}${describeFailedModels(failed)}`;
  if (result.kind === 'refused') {
    const policy = failsAtOnce ? 'whenProviderDown: fail' : `maxWaitMs: ${maxWaitMs}`;
    throw ApplicationFailure.nonRetryable(
      `${message} The run may not wait any longer (policy ${policy}).`,
      'model_unavailable',
    );
  }
  throw waiting(message, result);
}

function messageOf(model: string, result: WaitResult): string {
  return waitMessage(providerOf(model), result);
}

/** Makes Temporal retry the activity after the delay. Until then the run occupies no worker. */
function waiting(message: string, { why, delayMs }: WaitResult): ApplicationFailure {
  return ApplicationFailure.create({ type: why, message, nextRetryDelay: delayMs, category: 'BENIGN' });
}
