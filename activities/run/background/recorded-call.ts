import { setTimeout as delay } from 'node:timers/promises';
import type { CallKind } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { usdOf } from '../../../core/money/price.ts';
import type { ResolvedPolicy } from '../../../core/policy.ts';
import { waitMessage } from '../../../core/providers/wait-message.ts';
import { publishAppended } from '../../../live/publish-appended.ts';
import { withOutputLimit, worstCaseOf } from '../../../models/bound-request.ts';
import { estimateInputTokens } from '../../../models/estimate-tokens.ts';
import type { ModelReply, ModelRequest } from '../../../models/model-client.ts';
import {
  recordCallBesideSteps,
  recordCallBesideStepsEnd,
  type BegunCall,
  type CallBesideSteps,
} from '../../../store/runs/call-beside-steps.ts';
import { commitWhenStoreIsBack } from '../../shared/commit-when-store-is-back.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { Permit } from '../../shared/provider-limiter.ts';
import { providerOf } from '../../../core/providers/provider-of.ts';
import { budgetsOf, callCost } from '../call-budget.ts';
import { chargingIfRemoved } from '../charge-if-removed.ts';
import { estimateCall } from '../estimate-call.ts';
import { callBesideSteps } from './call-beside-steps.ts';

/** A model call that is no step of its run: it is recorded with the run, charged to it, and counts against its budgets. */
export interface CallToRecord extends Pick<CallBesideSteps, 'isLost'> {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: string;
  readonly policy: ResolvedPolicy;
  readonly kind: CallKind;
  /** `provider/model`. */
  readonly model: string;
  /** Aborts the call, and the wait for its provider. */
  readonly signal: AbortSignal;
  /** Stops the record of the call's end while the store is away. Default: `signal`. */
  readonly stop?: AbortSignal;
  /** How long the call may wait for its provider. */
  readonly maxWaitMs: number;
  /** Time limit of the call. */
  readonly silenceMs: number;
  /** Calls the function that records the begin of the call. Default: at once. */
  readonly begin?: (record: () => Promise<BegunCall>) => Promise<BegunCall>;
}

export type RecordedCall =
  | { readonly kind: 'replied'; readonly reply: ModelReply }
  /** A budget has no room for the call. */
  | { readonly kind: 'refused' }
  /** The provider cannot be called now. */
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'failed'; readonly code: string };

/** Makes a model call within the limits of its provider and the budgets, and records it. Throws the reason of `signal` when it is aborted, and as the store does. */
export async function recordedCall(deps: ActivityDeps, call: CallToRecord, given: ModelRequest): Promise<RecordedCall> {
  const { key, runId, agent, policy, kind, model, signal, stop = signal, silenceMs, isLost } = call;
  const { begin = (record) => record() } = call;
  const acquired = await acquire(deps, call);
  if ('message' in acquired) return { kind: 'unavailable', message: acquired.message };
  await using permit = acquired;
  const budgets = budgetsOf(deps);
  const { client, model: name } = deps.models.resolve(model);
  const request = withOutputLimit({ ...given, model: name }, budgets);
  const inputTokens = estimateInputTokens(request);
  const toBegin: CallBesideSteps = {
    kind,
    runId,
    model,
    worst: worstCaseOf(deps, budgets, model, request),
    estimate: {
      ...callCost(deps, model, null),
      ...estimateCall(deps, model, inputTokens, { text: '', reasoning: '' }),
    },
    budgets,
    budget: policy.budget,
    isLost,
  };
  const begun = await begin(() => recordCallBesideSteps(deps.db, key, toBegin));
  if (begun.kind === 'refused') return { kind: 'refused' };
  const { attempt } = begun.call;
  const { end, reply } = await callBesideSteps(
    deps,
    { runId, model, signal, permit },
    { client, request, inputTokens, silenceMs },
  );
  const claimed = { key, position: { model, claimed: { modelCall: begun.call } } };
  const events = await chargingIfRemoved(deps, claimed, end.estimate ?? null, () =>
    commitWhenStoreIsBack(stop, () => recordCallBesideStepsEnd(deps.db, key, { runId, attempt, end, budgets })),
  );
  publishAppended(deps, key, events);
  if (end.cost.nanos !== null) deps.telemetry.metrics.costUsd.add({ agent, model }, usdOf(end.cost.nanos));
  signal.throwIfAborted();
  return reply ? { kind: 'replied', reply } : { kind: 'failed', code: end.errorCode ?? end.outcome };
}

/** Waits for the permit of a call as long as it may. Returns why there is none. */
async function acquire(
  { limiter }: ActivityDeps,
  { key, runId, model, maxWaitMs, signal }: CallToRecord,
): Promise<Permit | { readonly message: string }> {
  const provider = providerOf(model);
  if (limiter.isOpen(provider)) return limiter.permit(provider);
  for (;;) {
    const result = await limiter.acquire(provider, key, { runId, maxWaitMs });
    if (result.kind === 'granted') return result.permit;
    if (result.kind !== 'wait') return { message: waitMessage(provider, result) };
    await delay(result.delayMs, undefined, { signal });
  }
}
