import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Advance, ToolTask } from '../activities/shared/contract.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionStatus } from '../contracts/session/session.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import { insist, runActivities } from './activity-proxies.ts';
import { runError } from './failures.ts';

/** How one try to advance a run ended. */
export interface Progress {
  readonly over: boolean;
  readonly steps: Advance['steps'];
  /** What became of the session, when ending the run said so. */
  readonly session: SessionStatus | null;
}

/** Takes one run from activity to activity, and can be told to stop. */
export class RunDriver {
  readonly runId: string;
  /** A plain promise: a `Trigger` would reject when the workflow is cancelled, before the run was ended. */
  readonly #overtaken = Promise.withResolvers<void>();
  readonly #ordinal: number;
  readonly #fairness: string;
  readonly #scope = new CancellationScope();
  #stop: StopReason | null = null;

  constructor({ runId, ordinal }: OpenRun, fairness: string) {
    this.runId = runId;
    this.#ordinal = ordinal;
    this.#fairness = fairness;
  }

  /** Resolves when the store is known to hold the run's end, which may be before its activity has come back. */
  get overtaken(): Promise<void> {
    return this.#overtaken.promise;
  }

  /** Whether this is the life of the run that it drives: a resumed run has a higher ordinal. */
  drives({ runId, ordinal }: OpenRun): boolean {
    return runId === this.runId && ordinal === this.#ordinal;
  }

  /** Hears of a run that was admitted while no run was open. If it came after this one, this one was over by then. */
  hearStarted({ ordinal }: OpenRun): void {
    if (ordinal > this.#ordinal) this.#overtaken.resolve();
  }

  /** Aborts the model call by the live channel, and by Temporal's cancellation where that bell is lost. The first reason counts. */
  async stop(reason: StopReason): Promise<void> {
    if (this.#stop) return;
    this.#stop = reason;
    const rung = CancellationScope.nonCancellable(() => insist.ringStop({ runId: this.runId, reason }));
    this.#scope.cancel();
    await rung;
  }

  /** One activity that advances the run, and the tools it asks for. Never throws but for the workflow's own cancellation. */
  async advance(): Promise<Progress> {
    try {
      const advance = await this.#scope.run(() => this.#advanceRun());
      if (advance.kind === 'ended') return { over: true, steps: advance.steps, session: advance.session };
      if (advance.kind === 'tools') await this.#scope.run(() => this.#runTools(advance.tools));
      if (!this.#stop) return { over: false, steps: advance.steps, session: null };
      return await this.#end(null, advance.steps);
    } catch (error) {
      if (!this.#stop && isCancellation(error)) {
        await this.stop('cancelled');
        await this.#end(error, []);
        throw error;
      }
      if (!this.#stop && !(error instanceof ActivityFailure)) throw error;
      return await this.#end(error, []);
    }
  }

  #advanceRun(): Promise<Advance> {
    const options = { summary: `run ${this.runId.slice(-8)}`, priority: { fairnessKey: this.#fairness } };
    return runActivities.advanceRun.executeWithOptions(options, [{ runId: this.runId }]);
  }

  async #runTools(tools: readonly ToolTask[]): Promise<void> {
    const calls = await Promise.allSettled(
      tools.map(({ callId, tool, timeoutMs }) =>
        runActivities.runTool.executeWithOptions(
          {
            summary: `tool ${tool}`,
            priority: { fairnessKey: this.#fairness },
            // The activity ends a try at its timeout itself; this is for one that cannot.
            startToCloseTimeout: timeoutMs + 60_000,
          },
          [{ runId: this.runId, callId }],
        ),
      ),
    );
    // Only when all have come back: a run that ends must leave no tool at work.
    for (const call of calls) if (call.status === 'rejected') throw call.reason;
  }

  async #end(error: unknown, steps: Advance['steps']): Promise<Progress> {
    const end = this.#stop
      ? ({ status: 'cancelled', reason: this.#stop } as const)
      : ({ status: 'failed', error: runError(error) } as const);
    const { session } = await CancellationScope.nonCancellable(() =>
      insist.endRun({ runId: this.runId, ordinal: this.#ordinal, end }),
    );
    return { over: true, steps, session };
  }
}
