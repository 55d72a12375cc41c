import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { MiddlewareError } from '../../../agents/middleware/middleware.ts';
import type { ContextRecord } from '../../../contracts/session/call-context.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { ResolvedPolicy } from '../../../core/policy.ts';
import { waitMessage } from '../../../core/providers/wait-message.ts';
import { estimateInputTokens } from '../../../models/estimate-tokens.ts';
import { ModelError, type ModelReply, type ModelRequest } from '../../../models/model-client.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { holdAttachments, loadAttachments } from '../../shared/load-attachments.ts';
import type { Permit } from '../../shared/provider-limiter.ts';
import { providerOf } from '../../../core/providers/provider-of.ts';
import { callCost, NOTHING_USED } from '../call-budget.ts';
import { asModelError, sendRequest, type Sending } from '../call-model.ts';
import { addSpending, countedUsage, type CallSpending, type UsedByCall } from '../call-spending.ts';
import { estimateCall } from '../estimate-call.ts';
import type { CallTimings, ModelCallOutcome, SentRequest } from '../model-call-outcome.ts';
import { ABORTED, outcomeOfError, outcomeOfReply } from '../provider-outcome.ts';
import { requireKeeping } from '../prepare-call.ts';
import { reserveBudget } from '../reserve-budget.ts';
import type { StepTask } from '../step-task.ts';

/** A call that ends its attempt, whatever the hook that made it does: the run is stopped, or another attempt has the step. */
export class AttemptEnded extends Error {
  override readonly name = 'AttemptEnded';
  readonly outcome: Extract<ModelCallOutcome, { kind: 'stopped' | 'timedOut' | 'stale' }>;

  constructor(outcome: AttemptEnded['outcome']) {
    super('The attempt of the step has ended.');
    this.outcome = outcome;
  }
}

/** One model call of an attempt. */
export interface CallOfAttempt {
  /** `provider/model`. */
  readonly model: string;
  /** `model` of the request is replaced. */
  readonly request: ModelRequest;
  /** Whether the reply may become that of the step; else it is a further call. */
  readonly isOfStep: boolean;
  readonly onDelta: Sending['onDelta'];
}

/**
 * The model calls of one attempt of a step that has middleware. Each has a permit of its provider and a reservation of its own, and
 * what all have used is added up. `signal` ends with the run's working time.
 */
export class AttemptCalls {
  readonly #deps: ActivityDeps;
  readonly #task: StepTask;
  readonly #policy: ResolvedPolicy;
  readonly #signal: AbortSignal;
  readonly #startedAt = performance.now();
  readonly #used: UsedByCall[] = [];
  #made = 0;
  #usedPermit = false;
  #inputTokens = 0;
  #maxOutputTokens: number | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #firstTokenMs: number | null = null;
  #ended: unknown = null;

  constructor(deps: ActivityDeps, task: StepTask, policy: ResolvedPolicy, signal: AbortSignal) {
    this.#deps = deps;
    this.#task = task;
    this.#policy = policy;
    this.#signal = signal;
  }

  /** The limit of output tokens that a budget has set for the last call of the step; null for none. */
  get maxOutputTokens(): number | null {
    return this.#maxOutputTokens;
  }

  /** How many calls were sent. */
  get made(): number {
    return this.#used.length;
  }

  /** What ended the attempt in a call: an {@link AttemptEnded}, or a failure of its reservation. Null if nothing has. */
  get ended(): unknown {
    return this.#ended;
  }

  get spent(): CallSpending {
    return addSpending(this.#used);
  }

  /** Since the first hook was called. */
  get timings(): CallTimings {
    return { firstTokenMs: this.#firstTokenMs, durationMs: this.#elapsedMs() };
  }

  /** The attempt as one sent request, for its record. */
  sent(context: ContextRecord): SentRequest & { readonly spent: CallSpending } {
    return { inputTokens: this.#inputTokens, context, spent: this.spent };
  }

  /** Resolves when no call is in progress. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /**
   * Makes a call, after those before it: each reserves what the attempt has used so far. Throws a {@link ModelError} if it fails,
   * and an {@link AttemptEnded} if it ends the attempt.
   */
  async make(call: CallOfAttempt): Promise<ModelReply> {
    const making = this.#last.then(() => this.#make(call));
    this.#last = making.catch(() => {});
    return await making;
  }

  async #make(call: CallOfAttempt): Promise<ModelReply> {
    if (this.#ended !== null) throw this.#ended;
    const limit = LIMITS.middlewareCalls.value;
    if (this.#made >= limit) {
      throw new MiddlewareError(
        `an attempt of a step may make ${limit} model calls; call \`next\` or \`generate\` less often.`,
      );
    }
    this.#made += 1;
    try {
      this.#signal.throwIfAborted();
      // Disposing of a permit that was settled has no effect.
      await using permit = await this.#acquire(call.model);
      return await this.#send(call, permit);
    } catch (error) {
      if (!(error instanceof ModelError) && !this.#signal.aborted) this.#ended ??= error;
      throw error;
    }
  }

  async #send({ model: name, request: given, isOfStep, onDelta }: CallOfAttempt, permit: Permit): Promise<ModelReply> {
    const { client, model } = this.#deps.models.resolve(name);
    requireKeeping(this.#task, client, given);
    using _held = await holdAttachments(given.messages, this.#signal);
    const request = await loadAttachments(this.#deps, this.#task.key.user, name, { ...given, model });
    const inputTokens = estimateInputTokens(request);
    const spent = this.#used.length === 0 ? {} : { spent: this.spent };
    const reserved = await reserveBudget(this.#deps, this.#task, this.#policy, {
      request,
      inputTokens,
      model: name,
      ...spent,
    });
    if (!reserved) throw new AttemptEnded({ kind: 'stale' });
    const { maxOutputTokens } = reserved;
    if (isOfStep) this.#maxOutputTokens = maxOutputTokens === request.maxOutputTokens ? null : maxOutputTokens;
    let text = '';
    let reasoning = '';
    const outcome = await sendRequest(
      // The attempt has its record once all of its calls have ended.
      { client, request: reserved, inputTokens, record: { throughSeq: 0, runs: 0 } },
      {
        signal: this.#signal,
        remainingMs: this.#policy.runTimeoutMs - this.#task.position.activeMs - this.#elapsedMs(),
        modelSilenceMs: this.#policy.modelSilenceMs,
        onDelta: (delta) => {
          if (delta.kind === 'text') text += delta.text;
          else reasoning += delta.text;
          this.#firstTokenMs ??= this.#elapsedMs();
          onDelta(delta);
        },
      },
    );
    this.#inputTokens += inputTokens;
    const settle = (provider: Parameters<Permit['settle']>[0]): void => void permit.settle(provider);
    const use = (used: Partial<UsedByCall>, received: Parameters<typeof estimateCall>[3]): void => {
      const { usage = null, cost = callCost(this.#deps, name, usage) } = used;
      this.#used.push({ usage, cost, estimate: estimateCall(this.#deps, name, inputTokens, received) });
    };
    switch (outcome.kind) {
      case 'answered':
        settle(outcomeOfReply(outcome.reply));
        use({ usage: countedUsage(outcome.reply.usage) }, outcome.reply);
        return outcome.reply;
      case 'failed': {
        const { error } = outcome;
        settle(outcomeOfError(error, this.#task.runId));
        const free = { usage: NOTHING_USED, cost: { ...callCost(this.#deps, name, NOTHING_USED), nanos: 0 } };
        use(error.mayCost ? {} : free, { text, reasoning });
        throw error;
      }
      case 'stopped':
      case 'timedOut':
        settle(ABORTED);
        use({}, { text, reasoning });
        throw new AttemptEnded(outcome);
      default:
        throw new Error('A request that was sent has no outcome.');
    }
  }

  /**
   * The permit of a call: that of the step for the first call to its provider. A further call waits here for its turn, because what
   * the attempt has done so far would be lost if it ended; the wait counts as working time.
   */
  async #acquire(model: string): Promise<Permit> {
    const { limiter } = this.#deps;
    const { key, runId, position } = this.#task;
    const provider = providerOf(model);
    if (!this.#usedPermit && provider === providerOf(position.model)) {
      this.#usedPermit = true;
      return position.permit;
    }
    if (limiter.isOpen(provider)) return limiter.permit(provider);
    const maxWaitMs = this.#policy.whenProviderDown === 'fail' ? 0 : this.#policy.maxWaitMs;
    for (;;) {
      const result = await limiter.acquire(provider, key, { runId, maxWaitMs });
      if (result.kind === 'granted') return result.permit;
      if (result.kind !== 'wait') {
        const message = waitMessage(provider, result);
        throw new ModelError(result.why, message, { retryable: true, unsent: true, retryAfterMs: result.delayMs });
      }
      await delay(result.delayMs, undefined, { signal: this.#signal });
    }
  }

  #elapsedMs(): number {
    return Math.round((performance.now() - this.#startedAt) * 10) / 10;
  }
}

/** What a failure that ended the attempt in one of its calls means for it. Null for an error to be thrown on. */
export function outcomeOfEnd(ended: unknown, calls: AttemptCalls, context: ContextRecord): ModelCallOutcome | null {
  const sent = calls.sent(context);
  const { timings } = calls;
  if (!(ended instanceof AttemptEnded)) {
    // A failed reservation is recorded where it is decided, with what the attempt had used. The store may be away.
    if (ended instanceof ApplicationFailure || calls.made === 0) return null;
    return { kind: 'failed', error: asModelError(ended), sent, timings };
  }
  const { outcome } = ended;
  return outcome.kind === 'stale' ? outcome : { ...outcome, sent, timings };
}
