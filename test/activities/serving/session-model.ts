import type { NextRun } from '../../../store/serving/find-next-run.ts';
import { serveRuns, type Served } from '../../../activities/serving/serve-runs.ts';
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

/** What may go wrong. */
export interface Faults {
  /** Workers are killed, and frozen until their lease has run out. */
  readonly workers: boolean;
  /** Notifications of the live channel are lost, and gateways are killed between the commit and the wake. */
  readonly messages: boolean;
}

interface ModelRun extends OpenRun {
  status: 'queued' | 'running' | 'ended';
  attempts: number;
  /** Whether the newest attempt returned to the workflow instead of making its model call. */
  isGivenUp: boolean;
}

interface Turn {
  readonly actor: string;
  readonly resolve: () => void;
}

/** An activity of the workflow, in Temporal. */
interface Activity {
  readonly first: OpenRun;
  /** The newest epoch that the workflow had when it started the activity. */
  readonly epoch: number;
  worker: string;
  /** Whether a worker has its newest attempt. */
  isStarted: boolean;
  /** The epoch as which that attempt serves the session; null if it has not claimed a run. */
  serves: number | null;
  cancelled: boolean;
  attempt: number;
}

/** What an activity is notified of. */
interface Watch {
  readonly worker: string;
  mayHaveWork: boolean;
  readonly look: () => void;
}

class WorkerLeft extends Error {}

/**
 * One session with its store, gateway, workflow and workers, as a model: every transaction is one step, and a seeded
 * scheduler chooses which actor takes the next step. The order in which an activity serves, and the workflow's queue, are the
 * product's own code.
 */
export class SessionModel {
  readonly runs: ModelRun[] = [];
  /** Ids of the runs in the order in which they ended. */
  readonly ended: string[] = [];
  /** Model calls that were begun for a run while an earlier one of it had not been given up. */
  doubled = 0;
  activitiesStarted = 0;
  /**
   * Activities that served the session when the workflow gave them up. Not counted are those that nothing could spare: a second
   * attempt, and one of a worker that was frozen.
   */
  givenUpInVain = 0;
  /** Activities that served the session when one began to that the workflow had started before them. */
  supersededByEarlier = 0;
  readonly #random: () => number;
  readonly #faults: Faults;
  #servedBy: string | null = null;
  #epoch = 0;
  #queue: RunQueue = EMPTY_QUEUE;
  #driver: Activity | null = null;
  /** The newest epoch that the workflow has. */
  #known = 0;
  /** Activities that Temporal has not closed. */
  readonly #activities = new Set<Activity>();
  readonly #turns: Turn[] = [];
  readonly #watches = new Set<Watch>();
  readonly #timers = new Set<() => void>();
  readonly #alive = new Set(['worker 1', 'worker 2', 'worker 3']);
  readonly #frozen = new Set<string>();
  readonly #thawed = new Set<string>();
  /** Lost workers whose sessions were reported. */
  readonly #reported = new Set<string>();
  /** Workers whose lease has run out. */
  readonly #lost = new Set<string>();
  #errors: unknown[] = [];

  constructor(random: () => number, faults: Faults) {
    this.#random = random;
    this.#faults = faults;
  }

  /** Sends messages and lets everything happen until every run has ended. Throws if that never comes. */
  async play(messages: number): Promise<void> {
    let unsent = messages;
    for (let step = 0; ; step += 1) {
      if (step > 5_000) throw new Error(`A run never ended: ${JSON.stringify(this.runs)}`);
      if (unsent > 0 && this.#chance(0.1)) {
        unsent -= 1;
        void this.#send();
      }
      if (this.#faults.workers && unsent > 0) this.#harm();
      this.#recover();
      this.#takeTurn();
      await new Promise(setImmediate);
      if (this.#errors.length > 0) throw this.#errors[0];
      if (unsent === 0 && this.runs.length === messages && this.runs.every(({ status }) => status === 'ended')) return;
    }
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }

  /** Resolves when the scheduler gives the actor its turn; never if it was killed. */
  #turn(actor: string): Promise<void> {
    return new Promise((resolve) => this.#turns.push({ actor, resolve }));
  }

  #takeTurn(): void {
    const able = this.#turns.filter(({ actor }) => !this.#frozen.has(actor) && !this.#isDead(actor));
    const timers = [...this.#timers];
    const chosen = this.#pick([...able, ...(this.#chance(0.5) ? timers : [])]);
    if (chosen === undefined) return;
    if (typeof chosen === 'function') {
      this.#timers.delete(chosen);
      return chosen();
    }
    this.#turns.splice(this.#turns.indexOf(chosen), 1);
    chosen.resolve();
  }

  #isDead(actor: string): boolean {
    return actor.startsWith('worker') && !this.#alive.has(actor);
  }

  #harm(): void {
    const worker = this.#pick([...this.#alive]);
    if (worker === undefined) return;
    if (this.#chance(0.01) && this.#alive.size > 1) this.#alive.delete(worker);
    if (this.#chance(0.01) && this.#frozen.size === 0 && this.#alive.size > 1) this.#frozen.add(worker);
  }

  /** Everything that happens after a while: leases, heartbeats, repeated notifications, the upkeep. */
  #recover(): void {
    if (this.#chance(0.05)) {
      for (const worker of ['worker 1', 'worker 2', 'worker 3']) {
        if (this.#isDead(worker) || this.#frozen.has(worker)) this.#lost.add(worker);
      }
    }
    for (const worker of this.#frozen) {
      if (!this.#lost.has(worker) || !this.#chance(0.1)) continue;
      this.#frozen.delete(worker);
      this.#lost.delete(worker);
      this.#reported.delete(worker);
      this.#thawed.add(worker);
    }
    this.#takeOver();
    for (const activity of this.#activities) {
      // Temporal misses the heartbeat.
      const isSilent = this.#isDead(activity.worker) || this.#frozen.has(activity.worker);
      if (isSilent && this.#chance(0.01)) this.#retry(activity);
    }
    if (this.#faults.messages && this.#chance(0.02) && this.runs.some(({ status }) => status === 'queued')) {
      for (const watch of this.#watches) if (watch.worker === this.#servedBy) watch.look();
    }
    const mayBeLost = this.#faults.messages || this.#faults.workers;
    if (mayBeLost && this.#chance(0.01) && this.#driver === null && this.#open().length > 0) this.#load();
  }

  /** As `worker/serving/take-over.ts`. */
  #takeOver(): void {
    const lost = this.#servedBy;
    if (lost !== null && this.#lost.has(lost) && this.#chance(0.2)) {
      this.#servedBy = null;
      this.#epoch += 1;
      const epoch = this.#epoch;
      if (this.#open().length > 0) void this.#report(lost, epoch);
    }
    for (const worker of this.#lost) {
      if (this.#servedBy === null && this.#open().length > 0 && this.#chance(0.05)) void this.#reportUnclaimed(worker);
    }
  }

  async #report(lost: string, epoch: number): Promise<void> {
    this.#reported.add(lost);
    await this.#turn('upkeep');
    const isLost = this.#hasServer(lost);
    await this.#turn('upkeep');
    void this.#signal(() => this.#onServerLost(isLost ? epoch : 0));
    // It has arrived, and counts as failed.
    if (this.#chance(0.2)) void this.#report(lost, epoch);
  }

  async #reportUnclaimed(lost: string): Promise<void> {
    if (this.#reported.has(lost) || !this.#hasServer(lost)) return;
    await this.#turn('upkeep');
    if (this.#servedBy !== null || this.#reported.has(lost)) return;
    this.#epoch += 1;
    await this.#report(lost, this.#epoch);
  }

  #hasServer(worker: string): boolean {
    const newest = [...this.#activities].at(-1);
    return newest?.worker === worker && newest.isStarted && !newest.cancelled;
  }

  // The gateway.

  async #send(): Promise<void> {
    await this.#turn('gateway');
    const wasIdle = this.#open().length === 0;
    const ordinal = this.runs.length + 1;
    const run: ModelRun = {
      runId: `run ${ordinal}`,
      ordinal,
      urgent: false,
      status: 'queued',
      attempts: 0,
      isGivenUp: false,
    };
    this.runs.push(run);
    const served = this.#servedBy !== null;
    const epoch = this.#epoch;
    if (this.#faults.messages && this.#chance(0.1)) return;
    await this.#turn('gateway');
    if (served) for (const watch of this.#watches) watch.look();
    else await this.#signal(() => this.#onWake(openRun(run), wasIdle, epoch));
  }

  // The workflow. Each signal and each result is one step.

  async #signal(handle: () => void): Promise<void> {
    await this.#turn('workflow');
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
    const serves = this.#servedBy === driver.worker && driver.serves === this.#epoch;
    if (serves && driver.attempt === 1 && !this.#thawed.has(driver.worker)) this.givenUpInVain += 1;
    driver.cancelled = true;
    this.#known = Math.max(this.#known, epoch);
    this.#start(driver.first);
  }

  #load(): void {
    for (const run of this.#open()) this.#queue = enqueue(this.#queue, openRun(run));
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
    this.#activities.add(activity);
    void this.#attempt(activity);
  }

  #retry(activity: Activity): void {
    if (activity.cancelled) this.#activities.delete(activity);
    else void this.#attempt(activity);
  }

  async #attempt(activity: Activity): Promise<void> {
    activity.attempt += 1;
    const { attempt } = activity;
    activity.isStarted = false;
    activity.serves = null;
    await this.#turn('temporal');
    const workers = [...this.#alive].filter((worker) => !this.#frozen.has(worker));
    activity.worker = this.#pick(workers) ?? 'worker 3';
    activity.isStarted = true;
    const isCurrent = (): boolean => activity.attempt === attempt && this.#activities.has(activity);
    try {
      const served = await this.#serve(activity);
      if (served === 'superseded') {
        this.#activities.delete(activity);
        return;
      }
      await this.#turn('temporal');
      if (!isCurrent()) return;
      this.#activities.delete(activity);
      await this.#signal(() => this.#onResult(activity, served));
    } catch (error) {
      if (!(error instanceof WorkerLeft)) this.#errors.push(error);
      else if (isCurrent()) this.#retry(activity);
    }
  }

  // An activity.

  async #next(watch: Watch): Promise<ModelRun | undefined> {
    watch.mayHaveWork = false;
    await this.#turn(watch.worker);
    const [next, other] = this.#open();
    if (other) watch.mayHaveWork = true;
    return next;
  }

  async #serve(activity: Activity): Promise<(Served & { readonly epoch: number | null }) | 'superseded'> {
    const { first, worker, attempt } = activity;
    let epoch: number | null = null;
    let wake: (() => void) | undefined;
    const watch: Watch = {
      worker,
      mayHaveWork: true,
      look: () => {
        watch.mayHaveWork = true;
        wake?.();
      },
    };
    this.#watches.add(watch);
    try {
      const begin = await this.#next(watch);
      const follows = this.#epoch;
      if (this.#servedBy !== null) {
        await this.#turn(worker);
        if ([...this.#activities].at(-1) !== activity) return 'superseded';
      }
      const served = await serveRuns({
        firstRun: async () => (begin && begin.runId !== first.runId ? openRun(begin) : null),
        advance: async (run) => {
          const { runId } = run ?? first;
          await this.#turn(worker);
          if (epoch === null && this.#epoch === follows) this.#noteEarlier(activity);
          const claim = this.#begin(runId, worker, epoch, follows);
          if (claim === 'superseded') throw new WorkerLeft();
          if (claim === 'ended') return { kind: 'ended', status: 'completed', session: null };
          ({ epoch } = claim);
          if (activity.attempt === attempt) activity.serves = epoch;
          await this.#turn(worker);
          if (this.#chance(0.2)) {
            this.#find(runId).isGivenUp = true;
            return { kind: 'continue' };
          }
          await this.#turn(worker);
          if (!this.#commit(runId, claim.attempt)) throw new WorkerLeft();
          return { kind: 'ended', status: 'completed', session: null };
        },
        mayLinger: () => epoch !== null,
        mustReturn: () => false,
        nextRun: async () => {
          for (;;) {
            if (!watch.mayHaveWork) {
              const isOver = await new Promise<boolean>((resolve) => {
                const timer = (): void => resolve(true);
                wake = () => {
                  this.#timers.delete(timer);
                  resolve(false);
                };
                this.#timers.add(timer);
              });
              if (isOver) return null;
            }
            const next = await this.#next(watch);
            if (next) return openRun(next);
          }
        },
        leave: async ({ handsOver }) => {
          await this.#turn(worker);
          if ((epoch ?? follows) !== this.#epoch) throw new WorkerLeft();
          const next = this.#open()[0];
          if (next && !handsOver) return { kind: 'open', next: openRun(next) };
          this.#servedBy = null;
          return next
            ? { kind: 'handedOver', next: openRun(next) }
            : { kind: 'left', lastOrdinal: this.runs.length, status: 'active' };
        },
      });
      return { ...served, epoch };
    } finally {
      this.#watches.delete(watch);
    }
  }

  // The store.

  #open(): ModelRun[] {
    const open = this.runs.filter(({ status }) => status !== 'ended');
    return open.toSorted(
      (a, b) => Number(b.status === 'running') - Number(a.status === 'running') || a.ordinal - b.ordinal,
    );
  }

  #begin(
    runId: string,
    worker: string,
    epoch: number | null,
    follows: number,
  ): 'superseded' | 'ended' | { epoch: number; attempt: number } {
    if ((epoch ?? follows) !== this.#epoch) return 'superseded';
    const run = this.#find(runId);
    if (run.status === 'ended') return 'ended';
    if (epoch === null) {
      this.#servedBy = worker;
      this.#epoch += 1;
    }
    run.status = 'running';
    run.attempts += 1;
    if (run.attempts > 1 && !run.isGivenUp) this.doubled += 1;
    run.isGivenUp = false;
    return { epoch: this.#epoch, attempt: run.attempts };
  }

  #noteEarlier(activity: Activity): void {
    const all = [...this.#activities];
    const server = all.find(({ serves, worker }) => serves === this.#epoch && worker === this.#servedBy);
    if (server && all.indexOf(server) > all.indexOf(activity)) this.supersededByEarlier += 1;
  }

  #commit(runId: string, attempt: number): boolean {
    const run = this.#find(runId);
    if (run.status !== 'running' || run.attempts !== attempt) return false;
    run.status = 'ended';
    this.ended.push(runId);
    return true;
  }

  #find(runId: string): ModelRun {
    const run = this.runs.find((one) => one.runId === runId);
    if (!run) throw new Error(`There is no run ${runId}.`);
    return run;
  }
}

function openRun({ runId, ordinal, urgent }: ModelRun): NextRun {
  return { runId, ordinal, urgent, traceparent: null };
}
