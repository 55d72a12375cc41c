import type { Served } from '../../../activities/serving/serve-runs.ts';
import {
  EMPTY_QUEUE,
  endCurrent,
  enqueue,
  removeThrough,
  replaceCurrent,
  startNext,
  type OpenRun,
  type RunQueue,
} from '../../../core/session/run-queue.ts';
import { ActivitiesModel, WorkerLeft, type Activity } from './activities-model.ts';
import { Chance } from './chance.ts';
import { Scheduler } from './scheduler.ts';
import { openRun, StoreModel } from './store-model.ts';
import { WorkersModel } from './workers-model.ts';

/** What may go wrong. */
export interface Faults {
  /** Workers are killed, and frozen until their lease has run out. */
  readonly workers: boolean;
  /** Notifications of the live channel are lost, and gateways are killed between the commit and the wake. */
  readonly messages: boolean;
}

/**
 * One session with its store, gateway, workflow and workers, as a model: every transaction is one step, and a seeded
 * scheduler chooses which actor takes the next step. The order in which an activity serves, and the workflow's queue, are the
 * product's own code.
 */
export class SessionModel {
  activitiesStarted = 0;
  /**
   * Activities that served the session when the workflow gave them up. Not counted are those that nothing could spare: a second
   * attempt, and one of a worker that was frozen.
   */
  givenUpInVain = 0;
  readonly store = new StoreModel();
  readonly activities: ActivitiesModel;
  readonly #chance: Chance;
  readonly #faults: Faults;
  readonly #workers: WorkersModel;
  readonly #scheduler: Scheduler;
  #queue: RunQueue = EMPTY_QUEUE;
  #driver: Activity | null = null;
  /** The newest epoch that the workflow has. */
  #known = 0;
  #errors: unknown[] = [];

  constructor(random: () => number, faults: Faults) {
    this.#chance = new Chance(random);
    this.#faults = faults;
    this.#workers = new WorkersModel(this.#chance);
    this.#scheduler = new Scheduler(this.#chance, this.#workers);
    this.activities = new ActivitiesModel(this.#chance, this.#scheduler, this.store);
  }

  /** Sends messages and lets everything happen until every run has ended. Throws if that never comes. */
  async play(messages: number): Promise<void> {
    let unsent = messages;
    for (let step = 0; ; step += 1) {
      if (step > 5_000) throw new Error(`A run never ended: ${JSON.stringify(this.store.runs)}`);
      if (unsent > 0 && this.#chance.happens(0.1)) {
        unsent -= 1;
        void this.#send();
      }
      if (this.#faults.workers && unsent > 0) this.#workers.harm();
      this.#recover();
      this.#scheduler.takeTurn();
      // Every continuation that can run has run: ticks come after the promises. Turns of the event loop would take most of the time.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      if (this.#errors.length > 0) throw this.#errors[0];
      if (
        unsent === 0 &&
        this.store.runs.length === messages &&
        this.store.runs.every(({ status }) => status === 'ended')
      )
        return;
    }
  }

  /** Everything that happens after a while: leases, heartbeats, repeated notifications, the upkeep. */
  #recover(): void {
    this.#workers.passTime();
    this.#takeOver();
    for (const activity of this.activities.open) {
      // Temporal misses the heartbeat.
      const isSilent = !this.#workers.mayAct(activity.worker);
      if (isSilent && this.#chance.happens(0.01)) this.#retry(activity);
    }
    if (
      this.#faults.messages &&
      this.#chance.happens(0.02) &&
      this.store.runs.some(({ status }) => status === 'queued')
    ) {
      if (this.store.servedBy !== null) this.activities.notify(this.store.servedBy);
    }
    const mayBeLost = this.#faults.messages || this.#faults.workers;
    if (mayBeLost && this.#chance.happens(0.01) && this.#driver === null && this.store.open().length > 0) this.#load();
  }

  /** As `worker/serving/take-over.ts`. */
  #takeOver(): void {
    const lost = this.store.servedBy;
    if (lost !== null && this.#workers.lost.has(lost) && this.#chance.happens(0.2)) {
      this.store.servedBy = null;
      this.store.epoch += 1;
      const epoch = this.store.epoch;
      if (this.store.open().length > 0) void this.#report(lost, epoch);
    }
    for (const worker of this.#workers.lost) {
      if (this.store.servedBy === null && this.store.open().length > 0 && this.#chance.happens(0.05))
        void this.#reportUnclaimed(worker);
    }
  }

  async #report(lost: string, epoch: number): Promise<void> {
    this.#workers.reported.add(lost);
    await this.#scheduler.turn('upkeep');
    const isLost = this.#hasServer(lost);
    await this.#scheduler.turn('upkeep');
    void this.#signal(() => this.#onServerLost(isLost ? epoch : 0));
    // It has arrived, and counts as failed.
    if (this.#chance.happens(0.2)) void this.#report(lost, epoch);
  }

  async #reportUnclaimed(lost: string): Promise<void> {
    if (this.#workers.reported.has(lost) || !this.#hasServer(lost)) return;
    await this.#scheduler.turn('upkeep');
    if (this.store.servedBy !== null || this.#workers.reported.has(lost)) return;
    this.store.epoch += 1;
    await this.#report(lost, this.store.epoch);
  }

  #hasServer(worker: string): boolean {
    const newest = [...this.activities.open].at(-1);
    return newest?.worker === worker && newest.isStarted && !newest.cancelled;
  }

  // The gateway.

  async #send(): Promise<void> {
    await this.#scheduler.turn('gateway');
    const wasIdle = this.store.open().length === 0;
    const run = this.store.add();
    const served = this.store.servedBy !== null;
    const epoch = this.store.epoch;
    if (this.#faults.messages && this.#chance.happens(0.1)) return;
    await this.#scheduler.turn('gateway');
    if (served) this.activities.notify();
    else await this.#signal(() => this.#onWake(openRun(run), wasIdle, epoch));
  }

  // The workflow. Each signal and each result is one step.

  async #signal(handle: () => void): Promise<void> {
    await this.#scheduler.turn('workflow');
    handle();
  }

  #onWake(run: OpenRun, wasIdle: boolean, epoch: number): void {
    this.#queue = enqueue(this.#queue, run);
    const driver = this.#driver;
    if (wasIdle && driver && run.ordinal > driver.first.ordinal && epoch > driver.epoch) this.#endDriver();
    this.#known = Math.max(this.#known, epoch);
    this.#advance();
  }

  #onServerLost(epoch: number): void {
    const driver = this.#driver;
    if (!driver) return this.#load();
    if (driver.epoch >= epoch) return;
    const serves = this.store.servedBy === driver.worker && driver.serves === this.store.epoch;
    if (serves && driver.attempt === 1 && !this.#workers.thawed.has(driver.worker)) this.givenUpInVain += 1;
    driver.cancelled = true;
    this.#known = Math.max(this.#known, epoch);
    this.#start(driver.first);
  }

  #load(): void {
    for (const run of this.store.open()) this.#queue = enqueue(this.#queue, openRun(run));
    this.#advance();
  }

  #advance(): void {
    if (this.#driver !== null || this.#queue.waiting.length === 0) return;
    this.#queue = startNext(this.#queue);
    if (this.#queue.current) this.#start(this.#queue.current);
  }

  #endDriver(): void {
    this.#driver = null;
    this.#queue = endCurrent(this.#queue);
  }

  #onResult(activity: Activity, served: Served & { readonly epoch: number | null }): void {
    this.#known = Math.max(this.#known, served.epoch ?? 0);
    if (served.kind === 'left') this.#queue = removeThrough(this.#queue, served.left.lastOrdinal);
    if (this.#driver !== activity) return;
    if (served.kind === 'left') {
      this.#endDriver();
      return this.#advance();
    }
    const run = served.run ?? activity.first;
    this.#queue = replaceCurrent(this.#queue, run);
    this.#start(run);
  }

  // Temporal.

  #start(first: OpenRun): void {
    this.activitiesStarted += 1;
    const activity: Activity = {
      first,
      epoch: this.#known,
      worker: '',
      isStarted: false,
      serves: null,
      cancelled: false,
      attempt: 0,
    };
    this.#driver = activity;
    this.activities.open.add(activity);
    void this.#attempt(activity);
  }

  #retry(activity: Activity): void {
    if (activity.cancelled) this.activities.open.delete(activity);
    else void this.#attempt(activity);
  }

  async #attempt(activity: Activity): Promise<void> {
    activity.attempt += 1;
    const { attempt } = activity;
    activity.isStarted = false;
    activity.serves = null;
    await this.#scheduler.turn('temporal');
    const workers = [...this.#workers.alive].filter((worker) => this.#workers.mayAct(worker));
    activity.worker = this.#chance.pick(workers) ?? 'worker 3';
    activity.isStarted = true;
    const isCurrent = (): boolean => activity.attempt === attempt && this.activities.open.has(activity);
    try {
      const served = await this.activities.serve(activity);
      if (served === 'superseded') {
        this.activities.open.delete(activity);
        return;
      }
      await this.#scheduler.turn('temporal');
      if (!isCurrent()) return;
      this.activities.open.delete(activity);
      await this.#signal(() => this.#onResult(activity, served));
    } catch (error) {
      if (!(error instanceof WorkerLeft)) this.#errors.push(error);
      else if (isCurrent()) this.#retry(activity);
    }
  }
}
