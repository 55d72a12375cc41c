import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Advance, ToolTask } from '../activities/shared/contract.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionStatus } from '../contracts/session/session.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import { runActivities, untilDone } from './activity-proxies.ts';
import { runError } from './failures.ts';

/** The result of one `RunDriver.advance`. */
export interface DriveResult {
  readonly over: boolean;
  readonly steps: Advance['steps'];
  /** The session's status, if ending the run determined it. */
  readonly session: SessionStatus | null;
}

/** Executes the activities of one run, and can stop them. */
export class RunDriver {
  readonly runId: string;
  /** A plain promise. A `Trigger` rejects when the workflow is cancelled, which is before the run has ended. */
  readonly #superseded = Promise.withResolvers<void>();
  readonly #ordinal: number;
  readonly #fairness: string;
  readonly #scope = new CancellationScope();
  #stop: StopReason | null = null;

  constructor({ runId, ordinal }: OpenRun, fairness: string) {
    this.runId = runId;
    this.#ordinal = ordinal;
    this.#fairness = fairness;
  }

  /** Resolves when a later run shows that this one has ended in the store, perhaps before its activity has returned. */
  get superseded(): Promise<void> {
    return this.#superseded.promise;
  }

  /** Takes note of a run that was admitted while no run was open. If it is later than this run, this run had ended. */
  noteSuccessor({ ordinal }: OpenRun): void {
    if (ordinal > this.#ordinal) this.#superseded.resolve();
  }

  /**
   * Stops the run: publishes the stop on the live channel, and cancels the activity in Temporal in case that
   * notification is lost. Only the first call counts.
   */
  async stop(reason: StopReason): Promise<void> {
    if (this.#stop) return;
    this.#stop = reason;
    const requested = CancellationScope.nonCancellable(() => untilDone.requestStop({ runId: this.runId, reason }));
    this.#scope.cancel();
    await requested;
  }

  /** Executes one `advanceRun` and the tool calls that it returns. Throws only when the workflow itself is cancelled. */
  async advance(): Promise<DriveResult> {
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
            // The activity enforces the tool's timeout. This limit is for an activity that is blocked.
            startToCloseTimeout: timeoutMs + 60_000,
          },
          [{ runId: this.runId, callId }],
        ),
      ),
    );
    // Throws only after every call has settled: no tool may still execute when the run ends.
    for (const call of calls) if (call.status === 'rejected') throw call.reason;
  }

  async #end(error: unknown, steps: Advance['steps']): Promise<DriveResult> {
    const end = this.#stop
      ? ({ status: 'cancelled', reason: this.#stop } as const)
      : ({ status: 'failed', error: runError(error) } as const);
    const { session } = await CancellationScope.nonCancellable(() =>
      untilDone.endRun({ runId: this.runId, ordinal: this.#ordinal, end }),
    );
    return { over: true, steps, session };
  }
}
