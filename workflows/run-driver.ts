import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Advance, StopOutput, ToolTask } from '../activities/shared/contract.ts';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionStatus } from '../contracts/session/session.ts';
import type { RunDigest } from '../core/session/session-details.ts';
import type { OpenRun } from '../core/session/run-queue.ts';
import { servingActivities, toolActivities, untilDone } from './activity-proxies.ts';
import { runError, runOfFailure } from './failures.ts';

/** The result of one `RunDriver.advance`. */
export interface DriveResult {
  readonly over: boolean;
  /** Of a run that waits for an answer: time until the next deadline or reminder. Absent for other results. */
  readonly waits?: { readonly dueInMs: number | null };
  readonly steps: Advance['steps'];
  /** The session's status, if ending the run determined it. */
  readonly session: SessionStatus | null;
  /** Number of runs that ended. */
  readonly ended: number;
  /** How the last of them ended, for display; null if none ended. */
  readonly lastRun: RunDigest | null;
  /** Every run with this ordinal or a lower one has ended; null if that is not known. */
  readonly lastOrdinal: number | null;
  /** A run that is open and that the workflow may not have; null if there is none. */
  readonly next: OpenRun | null;
  /** As in the activity's result. */
  readonly epoch?: number | undefined;
}

/** What an activity has done by its result. */
type Done = Pick<DriveResult, 'steps' | 'ended' | 'epoch'>;

type EndedAdvance = Extract<Advance, { kind: 'ended' }>;
type WaitingAdvance = Extract<Advance, { kind: 'waiting' }>;

const NOTHING: DriveResult = {
  over: false,
  steps: [],
  session: null,
  ended: 0,
  lastRun: null,
  lastOrdinal: null,
  next: null,
};
const LOST = Symbol('lost');

/** Executes the activities that serve the session, beginning with one run, and can stop them. */
export class RunDriver {
  /** The run that the workflow knows to be in progress. The activity may have gone on to a later one. */
  #run: OpenRun;
  /** A plain promise. A `Trigger` rejects when the workflow is cancelled, which is before the run has ended. */
  readonly #superseded = Promise.withResolvers<void>();
  readonly #fairness: string;
  #scope = new CancellationScope();
  #lost = Promise.withResolvers<typeof LOST>();
  /** The newest epoch of the session that was reported when the activity was scheduled. */
  #epoch = 0;
  #stop: StopReason | null = null;
  #stopping: Promise<boolean> | null = null;

  constructor(run: OpenRun, fairness: string) {
    this.#run = run;
    this.#fairness = fairness;
  }

  get run(): OpenRun {
    return this.#run;
  }

  /** Resolves when a later run shows that this one has ended in the store, perhaps before its activity has returned. */
  get superseded(): Promise<void> {
    return this.#superseded.promise;
  }

  /**
   * Takes note of a later run that was admitted while no run was open and no activity served the session. If one had begun to serve
   * it since this driver's was scheduled, as `epoch` shows, that was the driver's, which had therefore returned. If not, it
   * will find the run.
   */
  noteSuccessor({ ordinal }: OpenRun, epoch: number | undefined): void {
    const hasServed = epoch === undefined || epoch > this.#epoch;
    if (hasServed && ordinal > this.#run.ordinal) this.#superseded.resolve();
  }

  /**
   * Stops the run: publishes the stop on the live channel, and cancels the activity in Temporal in case that
   * notification is lost. Only the first call counts. `any`: stops another run too, if the activity has gone on to it.
   * Returns false if the run had completed or failed before.
   */
  async stop(reason: StopReason, any?: 'any'): Promise<boolean> {
    if (this.#stopping) return await this.#stopping;
    this.#stop = reason;
    const request = { runId: this.#run.runId, reason, ...(any ? { any: true } : {}) };
    this.#stopping = CancellationScope.nonCancellable(async () => {
      const output: StopOutput | undefined = await untilDone.requestStop(request);
      // Earlier workers returned nothing.
      return !output?.tooLate;
    });
    this.#scope.cancel();
    return await this.#stopping;
  }

  /** Makes the activity that serves the session return once no run is in progress. */
  async release(): Promise<void> {
    await untilDone.requestStop({ runId: this.#run.runId, reason: 'cancelled', releases: true });
  }

  /** Whether the activity was scheduled when this epoch of the session, or a newer one, was known. */
  beganIn(epoch: number): boolean {
    return this.#epoch >= epoch;
  }

  /** Gives up the activity that serves the session: its worker is lost. {@link advance} returns, and its next call starts another. */
  giveUp(): void {
    this.#lost.resolve(LOST);
  }

  /**
   * Executes one `advanceRun` and the tool calls that it returns. `lingers`: see its input. `epoch`: the newest one that was
   * reported. Throws only when the workflow itself is cancelled.
   */
  async advance(lingers: boolean, epoch: number): Promise<DriveResult> {
    this.#epoch = epoch;
    let done: Done = { steps: [], ended: 0 };
    try {
      const serving = this.#scope.run(() => this.#advanceRun(lingers));
      const advance = await Promise.race([serving, this.#lost.promise]);
      if (advance === LOST) {
        serving.catch(() => {});
        if (this.#stop) return await this.#end(null, done);
        // Otherwise Temporal would retry the activity.
        this.#scope.cancel();
        this.#scope = new CancellationScope();
        this.#lost = Promise.withResolvers();
        return NOTHING;
      }
      done = { steps: advance.steps, ended: advance.ended ?? 0, epoch: advance.epoch };
      if (advance.kind === 'ended') return this.#ended(advance);
      if (advance.kind === 'waiting') return await this.#waiting(advance, done);
      // A stop was requested for the run before: `advanceRun` has ended it, and this one goes on.
      const next = advance.run ?? null;
      if (next && this.#stop) return { ...NOTHING, ...done, over: true, next };
      if (next) this.#run = next;
      if (advance.kind === 'tools') await this.#scope.run(() => this.#runTools(advance.tools));
      if (!this.#stop) return { ...NOTHING, ...done };
      return await this.#end(null, done);
    } catch (error) {
      if (!this.#stop && isCancellation(error)) {
        await this.stop('cancelled', 'any');
        await this.#end(error, done);
        throw error;
      }
      if (!this.#stop && !(error instanceof ActivityFailure)) throw error;
      this.#run = runOfFailure(error) ?? this.#run;
      return await this.#end(error, done);
    }
  }

  #advanceRun(lingers: boolean): Promise<Advance> {
    const options = { summary: `run ${this.#run.runId.slice(-8)}`, priority: { fairnessKey: this.#fairness } };
    return servingActivities.advanceRun.executeWithOptions(options, [
      { runId: this.#run.runId, ...(lingers ? { lingers } : {}) },
    ]);
  }

  async #runTools(tools: readonly ToolTask[]): Promise<void> {
    const calls = await Promise.allSettled(
      tools.map(({ callId, tool, timeoutMs }) =>
        toolActivities.runTool.executeWithOptions(
          {
            summary: `tool ${tool}`,
            priority: { fairnessKey: this.#fairness },
            // The activity enforces the tool's timeout. This limit is for an activity that is blocked.
            startToCloseTimeout: timeoutMs + 60_000,
          },
          [{ runId: this.#run.runId, callId }],
        ),
      ),
    );
    // Throws only after every call has settled: no tool may still execute when the run ends.
    for (const call of calls) if (call.status === 'rejected') throw call.reason;
  }

  async #end(error: unknown, done: Done): Promise<DriveResult> {
    const end = this.#stop
      ? ({ status: 'cancelled', reason: this.#stop } as const)
      : ({ status: 'failed', error: runError(error) } as const);
    const { runId, ordinal } = this.#run;
    const { session } = await CancellationScope.nonCancellable(() => untilDone.endRun({ runId, ordinal, end }));
    const code = end.status === 'failed' ? end.error.code : end.reason;
    const lastRun = { runId, status: end.status, code };
    return { ...NOTHING, ...done, over: true, session, ended: done.ended + 1, lastRun };
  }

  /** The workflow has the run again when it goes on. */
  async #waiting({ run, next, dueInMs }: WaitingAdvance, done: Done): Promise<DriveResult> {
    this.#run = run ?? this.#run;
    const waits = { dueInMs };
    if (this.#stop) return { ...(await this.#end(null, done)), waits, next: next ?? null };
    return { ...NOTHING, ...done, over: true, waits, next: next ?? null };
  }

  #ended({ status, session, steps, run, ended = 1, lastOrdinal, reason, epoch }: EndedAdvance): DriveResult {
    const { runId } = run ?? this.#run;
    const lastRun = { runId, status, code: status === 'cancelled' ? (this.#stop ?? reason ?? null) : null };
    return { ...NOTHING, over: true, steps, session, ended, lastRun, lastOrdinal: lastOrdinal ?? null, epoch };
  }
}
