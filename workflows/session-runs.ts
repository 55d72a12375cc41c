import { CancellationScope, condition, patched } from '@temporalio/workflow';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionStatus } from '../contracts/session/session.ts';
import {
  beginEnding,
  EMPTY_QUEUE,
  endCurrent,
  enqueue,
  finishEnding,
  removeEnded,
  removeThrough,
  replaceCurrent,
  runInProgress,
  startNext,
  suspendCurrent,
  type OpenRun,
  type RunQueue,
} from '../core/session/run-queue.ts';
import { STEPS_SHOWN, type RunDigest } from '../core/session/session-details.ts';
import { untilDone } from './activity-proxies.ts';
import type { CarriedState } from './carried-state.ts';
import { RunDriver } from './run-driver.ts';

/** The part of the carried state that is about runs. */
export type CarriedRuns = Pick<
  CarriedState,
  'queue' | 'begun' | 'runsEnded' | 'steps' | 'lastRun' | 'lingers' | 'epoch'
>;

export interface RunsListener {
  /** Called after the queue, the current run or the steps have changed. */
  readonly onChange: () => void;
  /** Called with the session's status when a run that ended determined it. */
  readonly onSessionStatus: (status: SessionStatus) => void;
  /** Called when runs have ended, and when one waits for an answer: `dueInMs` as in the activity's result; null for none. */
  readonly onWaits: (waits: { readonly dueInMs: number | null } | null) => void;
}

/** Time that `stopCurrent` waits for the activity of the stopped run. */
const STOP_TIMEOUT = '2s';

/** Time after which the activity is asked to return again: the first request may have been lost. */
const RELEASE_INTERVAL = '10s';

/** The queue of runs: executes one after the other, and ends those that are cancelled or interrupted. */
export class SessionRuns {
  /** While true, no waiting run starts. */
  isHeld = false;
  /** Whether activities go on with runs that the workflow does not have, and linger. */
  #lingers: boolean;
  readonly #fairness: string;
  readonly #listener: RunsListener;
  #queue: RunQueue;
  #driver: RunDriver | null = null;
  #advancing = 0;
  #runsEnded: number;
  #steps: CarriedState['steps'];
  #lastRun: RunDigest | null;
  /** The newest epoch of the session that was reported. */
  #epoch: number;

  constructor(fairness: string, carried: CarriedRuns | null, listener: RunsListener) {
    this.#fairness = fairness;
    this.#listener = listener;
    this.#queue = { ...EMPTY_QUEUE, waiting: carried?.queue ?? [], resumeFirst: carried?.begun ?? null };
    this.#runsEnded = carried?.runsEnded ?? 0;
    this.#steps = carried?.steps ?? [];
    this.#lastRun = carried?.lastRun ?? null;
    this.#lingers = carried?.lingers ?? false;
    this.#epoch = carried?.epoch ?? 0;
  }

  get currentRunId(): string | null {
    return this.#queue.current?.runId ?? null;
  }

  get hasWaiting(): boolean {
    return this.#queue.waiting.length > 0;
  }

  /** Whether a run can start now. */
  get canStart(): boolean {
    return this.hasWaiting && !this.isHeld;
  }

  /** Whether no activity of a run is executing and no run is being ended. */
  get isQuiescent(): boolean {
    return this.#queue.ending.length === 0 && this.#advancing === 0;
  }

  /** For the next execution and for display. */
  carry(): CarriedRuns {
    const { waiting, resumeFirst } = this.#queue;
    return {
      queue: waiting,
      begun: resumeFirst,
      runsEnded: this.#runsEnded,
      steps: this.#steps,
      lastRun: this.#lastRun,
      ...(this.#lingers ? { lingers: true } : {}),
      ...(this.#epoch > 0 ? { epoch: this.#epoch } : {}),
    };
  }

  enqueue(runs: readonly OpenRun[]): void {
    this.#change(runs.reduce(enqueue, this.#queue));
  }

  /** Takes note of a run that was admitted while no run was open in the store, and of the session's epoch then. */
  noteStarted(run: OpenRun, epoch: number | undefined): void {
    this.#driver?.noteSuccessor(run, epoch);
  }

  /** Takes note of the session's epoch. */
  noteEpoch(epoch: number | undefined): void {
    this.#epoch = Math.max(this.#epoch, epoch ?? 0);
  }

  /** Executes the next run until it ends, or until `pause` returns true between two of its activities. */
  async advanceNext(pause: () => boolean): Promise<void> {
    const [run] = this.#queue.waiting;
    if (!run) return;
    const driver = new RunDriver(run, this.#fairness);
    this.#driver = driver;
    this.#change(startNext(this.#queue));
    void CancellationScope.nonCancellable(() => this.#releaseWhen(pause, driver));
    let next = endCurrent;
    try {
      let over = false;
      do {
        // The run of a message that follows the answer at once does not wait for this activity's result.
        over = await Promise.race([this.#advance(driver), driver.superseded.then(() => true)]);
      } while (!over && !pause());
      if (!over) next = suspendCurrent;
    } finally {
      this.#driver = null;
      this.#change(next(this.#queue));
    }
  }

  /** Makes an activity that lingers, or goes on with further runs, return when `pause` returns true. */
  async #releaseWhen(pause: () => boolean, driver: RunDriver): Promise<void> {
    const hasReturned = () => this.#driver !== driver;
    await condition(() => pause() || hasReturned());
    if (hasReturned() || !patched('2026-11-served-runs')) return;
    do await driver.release();
    while (!(await condition(hasReturned, RELEASE_INTERVAL)));
  }

  /** Cancels a run; null for the one in progress. Returns its id, or null if there is no such run. */
  async cancel(runId: string | null): Promise<string | null> {
    const id = runId ?? runInProgress(this.#queue);
    if (id !== null && id === this.#driver?.run.runId) {
      await this.#driver.stop('cancelled');
      return id;
    }
    const waiting = this.#waiting(id);
    if (!waiting) return null;
    await this.#end(waiting, 'cancelled');
    return id;
  }

  /** Lets activities linger: the session's messages reach them through the store. */
  linger(): void {
    this.#lingers = true;
  }

  /**
   * Lets activities return after each run, so that the workflow has the state that Temporal clients query. `served`: one that may
   * linger is made to return.
   */
  returnAfterEachRun(served: boolean): void {
    const lingered = this.#lingers;
    this.#lingers = false;
    if (served && lingered) void this.#driver?.release();
  }

  /** Whether an activity serves the session. */
  get isServing(): boolean {
    return this.#driver !== null;
  }

  /** Starts another activity instead of the one whose worker is lost, unless it was started in this epoch of the session or later. */
  replaceServer(epoch: number | undefined): void {
    if (epoch !== undefined && this.#driver?.beganIn(epoch)) return;
    this.noteEpoch(epoch);
    this.#driver?.giveUp();
  }

  /**
   * Stops the run in progress, if it is the wanted one and the activity cannot have gone on to another. Returns its id; null if
   * no run was stopped.
   */
  async stopCurrentRun(wanted: string | null): Promise<string | null> {
    const runId = this.#driver?.run.runId;
    if (this.#lingers || runId === undefined || (wanted !== null && wanted !== runId)) return null;
    return (await this.#driver?.stop('cancelled')) ? runId : null;
  }

  /** Stops a run that is executing. `served`: by an activity that then goes on with the other runs. */
  async stop(runId: string, served: boolean): Promise<void> {
    if (!served && runId === this.#driver?.run.runId) await this.#driver.stop('cancelled');
    else await untilDone.requestStop({ runId, reason: 'cancelled', stays: true });
  }

  /**
   * Stops a run for an urgent message. A run between two activities or two executions has no activity that would end it.
   * `served`: as for {@link stop}.
   */
  interrupt(runId: string, served = false): void {
    if (served) {
      void untilDone.requestStop({ runId, reason: 'interrupted', stays: true });
      return;
    }
    if (runId === this.#driver?.run.runId) {
      void this.#driver.stop('interrupted');
      return;
    }
    const waiting = this.#waiting(runId);
    if (waiting) void this.#end(waiting, 'interrupted');
  }

  /** Stops the current run and waits a limited time for its activity, which commits the text that the model has sent. */
  async stopCurrent(reason: StopReason): Promise<void> {
    const driver = this.#driver;
    await driver?.stop(reason, 'any');
    if (driver) await condition(() => this.#driver !== driver, STOP_TIMEOUT);
  }

  /** Removes waiting runs that the store has ended. */
  removeEnded(runIds: readonly string[]): void {
    this.#change(removeEnded(this.#queue, runIds));
  }

  /** Returns whether the run has ended. */
  async #advance(driver: RunDriver): Promise<boolean> {
    this.#advancing += 1;
    try {
      const driven = await driver.advance(this.#lingers, this.#epoch);
      const { over, steps, session, ended, lastRun, lastOrdinal, next, waits } = driven;
      this.noteEpoch(driven.epoch);
      this.#steps = [...this.#steps, ...steps].slice(-STEPS_SHOWN);
      this.#runsEnded += ended;
      this.#lastRun = lastRun ?? this.#lastRun;
      if (lastOrdinal !== null) this.#queue = removeThrough(this.#queue, lastOrdinal);
      if (next) this.#queue = enqueue(this.#queue, next);
      if (!over && this.#driver === driver) this.#queue = replaceCurrent(this.#queue, driver.run);
      this.#listener.onChange();
      if (waits || ended > 0) this.#listener.onWaits(waits ?? null);
      if (session && this.#isCurrent(driver)) this.#listener.onSessionStatus(session);
      return over;
    } finally {
      this.#advancing -= 1;
    }
  }

  /** Whether a session's status that a driver returned is the newest. A driver that was superseded returns an earlier one, late. */
  #isCurrent(driver: RunDriver): boolean {
    return this.#driver === driver || !patched('2026-11-status-of-current-run');
  }

  /** Ends a waiting run in the store. */
  async #end(run: OpenRun, reason: StopReason): Promise<void> {
    const { runId, ordinal } = run;
    this.#change(beginEnding(this.#queue, run));
    try {
      const { session } = await untilDone.endRun({ runId, ordinal, end: { status: 'cancelled', reason } });
      this.#listener.onSessionStatus(session);
    } finally {
      this.#change(finishEnding(this.#queue, run));
    }
  }

  #waiting(id: string | null): OpenRun | undefined {
    return this.#queue.waiting.find(({ runId }) => runId === id);
  }

  #change(queue: RunQueue): void {
    this.#queue = queue;
    this.#listener.onChange();
  }
}
