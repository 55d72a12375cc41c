import { contextRunsOf } from '../../core/policy.ts';
import { resolveWindow } from '../../core/conversation/resolve-window.ts';
import type { ContextSummary } from '../../core/conversation/summary.ts';
import { providerOf } from '../../core/providers/provider-of.ts';
import { makeSummary, planNextSummary, type PlannedSummary } from '../run/conversation/make-summary.ts';
import type { LastRun, Serving } from '../run/serving.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { Stopped } from '../shared/stop-watch.ts';

/** Summaries that follow one another at once, for a conversation that is much longer than its window. */
const MAX_SUMMARIES = 8;

/**
 * Makes the summaries of a session that are due after its runs, while the activity waits for the next run or executes it. They end
 * with the activity.
 */
export class BackgroundSummary implements AsyncDisposable {
  readonly #deps: ActivityDeps;
  readonly #serving: Serving;
  readonly #stop = new AbortController();

  constructor(deps: ActivityDeps, serving: Serving) {
    this.#deps = deps;
    this.#serving = serving;
  }

  /** Begins with a summary, if one is due and none is being made. */
  begin(): void {
    const { lastRun, summary } = this.#serving;
    if (summary || !lastRun?.agent.spec.window) return;
    const made = this.#make(lastRun).finally(() => {
      if (this.#serving.summary === made) this.#serving.summary = null;
    });
    this.#serving.summary = made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Stopped({ kind: 'leave' }));
    await this.#serving.summary;
  }

  async #make(run: LastRun): Promise<ContextSummary | null> {
    let newest: ContextSummary | null = null;
    for (let count = 0; count < MAX_SUMMARIES && !this.#stop.signal.aborted; count += 1) {
      const plan = await this.#plan(run);
      const made = plan && (await this.#makeOne(run, plan));
      if (!made) {
        if (plan) this.#serving.summaryFailedAtMs = Date.now();
        break;
      }
      newest = made;
    }
    return newest;
  }

  async #plan({ agent, position }: LastRun): Promise<PlannedSummary | null> {
    const { deployment, prices, tokens } = this.#deps;
    const { key, contexts } = this.#serving;
    const window = resolveWindow(agent.spec, prices.contextTokensOf(position.model));
    const runs = contextRunsOf(agent.spec, deployment.policy, agent.spec.policy, position.policy);
    const conversation = window?.summaries === true && runs > 0 ? contexts.sinceSummary(key, runs + 1) : null;
    if (!window || !conversation) return null;
    const request = { conversation, window, runs, agent, runId: null, others: [] };
    // Most conversations are far from full, whatever their tokens.
    if (!planNextSummary({ ...request, count: tokens.most })) return null;
    return planNextSummary({ ...request, count: await tokens.counts(position.model) });
  }

  /** A provider that cannot be called now is left alone: a later run has another try. */
  async #makeOne({ runId, agent, policy, position }: LastRun, plan: PlannedSummary): Promise<ContextSummary | null> {
    const { limiter } = this.#deps;
    const { key, contexts } = this.#serving;
    const { model, conversation } = position;
    const provider = providerOf(model);
    const acquired = limiter.isOpen(provider)
      ? ({ kind: 'granted', permit: limiter.permit(provider) } as const)
      : await limiter.acquire(provider, key, { runId, maxWaitMs: 0, mayPass: true }).catch(() => null);
    if (acquired?.kind !== 'granted') return null;
    await using permit = acquired.permit;
    const { createdAt } = conversation;
    const { signal } = this.#stop;
    return await makeSummary(this.#deps, {
      key,
      runId,
      agent,
      model,
      policy,
      plan,
      createdAt,
      contexts,
      signal,
      permit,
    });
  }
}
