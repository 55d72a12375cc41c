import { condition } from '@temporalio/workflow';
import type { StopReason } from '../contracts/session/run.ts';
import type { SessionStatus } from '../contracts/session/session.ts';
import {
  beginEnding,
  EMPTY_QUEUE,
  endCurrent,
  enqueue,
  finishEnding,
  removeEnded,
  runInProgress,
  startNext,
  suspendCurrent,
  type OpenRun,
  type RunQueue,
} from '../core/session/run-queue.ts';
import { STEPS_SHOWN } from '../core/session/session-details.ts';
import { untilDone } from './activity-proxies.ts';
import type { CarriedState } from './carried-state.ts';
import { RunDriver } from './run-driver.ts';

/** The part of the carried state that is about runs. */
export type CarriedRuns = Pick<CarriedState, 'queue' | 'begun' | 'runsEnded' | 'steps'>;

export interface RunsListener {
  /** Called after the queue, the current run or the steps have changed. */
  readonly onChange: () => void;
  /** Called with the session's status when a run that ended determined it. */
  readonly onSessionStatus: (status: SessionStatus) => void;
}

/** Time that `stopCurrent` waits for the activity of the stopped run. */
const STOP_TIMEOUT = '2s';

/** The queue of runs: executes one after the other, and ends those that are cancelled or interrupted. */
export class SessionRuns {
  /** While true, no waiting run starts. */
  isHeld = false;
  readonly #fairness: string;
  readonly #listener: RunsListener;
  #queue: RunQueue;
  #driver: RunDriver | null = null;
  #advancing = 0;
  #runsEnded: number;
  #steps: CarriedState['steps'];

  constructor(fairness: string, carried: CarriedRuns | null, listener: RunsListener) {
    this.#fairness = fairness;
    this.#listener = listener;
    this.#queue = { ...EMPTY_QUEUE, waiting: carried?.queue ?? [], resumeFirst: carried?.begun ?? null };
    this.#runsEnded = carried?.runsEnded ?? 0;
    this.#steps = carried?.steps ?? [];
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
    return { queue: waiting, begun: resumeFirst, runsEnded: this.#runsEnded, steps: this.#steps };
  }

  enqueue(runs: readonly OpenRun[]): void {
    this.#change(runs.reduce(enqueue, this.#queue));
  }

  /** Takes note of a run that was admitted while no run was open in the store. */
  noteStarted(run: OpenRun): void {
    this.#driver?.noteSuccessor(run);
  }

  /** Executes the next run until it ends, or until `pause` returns true between two of its activities. */
  async advanceNext(pause: () => boolean): Promise<void> {
    const [run] = this.#queue.waiting;
    if (!run) return;
    const driver = new RunDriver(run, this.#fairness);
    this.#driver = driver;
    this.#change(startNext(this.#queue));
    let next = endCurrent;
    try {
      let over = false;
      do {
        // The run of a message that follows the answer at once does not wait for this activity's result.
        over = await Promise.race([this.#advance(driver), driver.superseded.then(() => true)]);
      } while (!over && !pause());
      if (over) this.#runsEnded += 1;
      else next = suspendCurrent;
    } finally {
      this.#driver = null;
      this.#change(next(this.#queue));
    }
  }

  /** Cancels a run; null for the one in progress. Returns its id, or null if there is no such run. */
  async cancel(runId: string | null): Promise<string | null> {
    const id = runId ?? runInProgress(this.#queue);
    if (id !== null && id === this.#driver?.runId) {
      await this.#driver.stop('cancelled');
      return id;
    }
    const waiting = this.#waiting(id);
    if (!waiting) return null;
    await this.#end(waiting, 'cancelled');
    return id;
  }

  /** Stops a run for an urgent message. A run between two activities or two executions has no activity that would end it. */
  interrupt(runId: string): void {
    if (runId === this.#driver?.runId) {
      void this.#driver.stop('interrupted');
      return;
    }
    const waiting = this.#waiting(runId);
    if (waiting) void this.#end(waiting, 'interrupted');
  }

  /** Stops the current run and waits a limited time for its activity, which commits the text that the model has sent. */
  async stopCurrent(reason: StopReason): Promise<void> {
    const driver = this.#driver;
    await driver?.stop(reason);
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
      const { over, steps, session } = await driver.advance();
      this.#steps = [...this.#steps, ...steps].slice(-STEPS_SHOWN);
      this.#listener.onChange();
      if (session) this.#listener.onSessionStatus(session);
      return over;
    } finally {
      this.#advancing -= 1;
    }
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
