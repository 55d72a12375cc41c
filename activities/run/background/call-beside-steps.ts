import type { BoundRequest } from '../../../models/bound-request.ts';
import { ModelError, type ModelClient, type ModelReply } from '../../../models/model-client.ts';
import { notMade, type ModelCallEnd } from '../../../store/budgets/model-call.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { Permit } from '../../shared/provider-limiter.ts';
import { Stopped } from '../../shared/stop-watch.ts';
import { callCost } from '../call-budget.ts';
import { estimateCall } from '../estimate-call.ts';
import { ABORTED, outcomeOfError, outcomeOfReply } from '../provider-outcome.ts';

export interface CallTask {
  readonly runId: string;
  /** `provider/model`. */
  readonly model: string;
  readonly signal: AbortSignal;
  /** Of the call, if it is not that of a step. */
  readonly permit?: Permit;
}

export interface CallToMake {
  readonly client: ModelClient;
  readonly request: BoundRequest;
  readonly inputTokens: number;
  /** Time limit of the call. */
  readonly silenceMs: number;
}

export interface MadeCall {
  readonly end: ModelCallEnd;
  /** Null if the call gave no text. */
  readonly reply: ModelReply | null;
}

/** Makes a model call that is no step of a run, and whose text nobody reads while it streams. Never rejects. */
export async function callBesideSteps(
  deps: ActivityDeps,
  { runId, model, signal, permit }: CallTask,
  { client, request, inputTokens, silenceMs }: CallToMake,
): Promise<MadeCall> {
  const abort = AbortSignal.any([signal, AbortSignal.timeout(silenceMs)]);
  const startedAt = performance.now();
  const timings = () => ({ firstTokenMs: null, durationMs: Math.round((performance.now() - startedAt) * 10) / 10 });
  const estimated = (reply: Pick<ModelReply, 'text' | 'reasoning'>) => estimateCall(deps, model, inputTokens, reply);
  if (signal.aborted) return { end: notMade('stopped'), reply: null };
  try {
    const reply = await client.generate(request, { signal: abort, silenceMs, onDelta: () => {} });
    void permit?.settle(outcomeOfReply(reply));
    const { text, usage, model: answeredBy } = reply;
    const cost = callCost(deps, model, usage);
    const end = { answeredBy, usage, cost, estimate: estimated(reply), ...timings() };
    if (text.trim() === '') return { end: { outcome: 'failed', errorCode: 'empty_reply', ...end }, reply: null };
    return { end: { outcome: 'completed', ...end }, reply };
  } catch (error) {
    const unknown = { usage: null, cost: callCost(deps, model, null), ...timings() };
    const estimate = estimated({ text: '', reasoning: '' });
    if (abort.aborted) {
      void permit?.settle(ABORTED);
      const isStopped = abort.reason instanceof Stopped || (signal.aborted && !isTimeout(signal.reason));
      const how = isStopped
        ? ({ outcome: 'stopped' } as const)
        : ({ outcome: 'failed', errorCode: 'timeout' } as const);
      return { end: { ...how, ...unknown, estimate }, reply: null };
    }
    const failure = error instanceof ModelError ? error : null;
    if (failure) void permit?.settle(outcomeOfError(failure, runId));
    const errorCode = failure?.reason ?? 'internal';
    if (failure?.mayCost === false)
      return { end: { ...notMade('failed', errorCode), made: true, ...timings() }, reply: null };
    return { end: { outcome: 'failed', errorCode, ...unknown, estimate }, reply: null };
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
