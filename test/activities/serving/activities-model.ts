import { serveRuns, type Served } from '../../../activities/serving/serve-runs.ts';
import type { OpenRun } from '../../../core/session/run-queue.ts';
import type { Chance } from './chance.ts';
import type { Scheduler } from './scheduler.ts';
import { openRun, type ModelRun, type StoreModel } from './store-model.ts';

/** An activity of the workflow, in Temporal. */
export interface Activity {
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

/** The activity ends without a result, and is tried again. */
export class WorkerLeft extends Error {}

/** The activities that serve a session. The order of their transactions is the product's own code. */
export class ActivitiesModel {
  /** Those that Temporal has not closed, in the order in which they were started. */
  readonly open = new Set<Activity>();
  /** Activities that served the session when one began to that the workflow had started before them. */
  supersededByEarlier = 0;
  readonly #chance: Chance;
  readonly #scheduler: Scheduler;
  readonly #store: StoreModel;
  readonly #watches = new Set<Watch>();

  constructor(chance: Chance, scheduler: Scheduler, store: StoreModel) {
    this.#chance = chance;
    this.#scheduler = scheduler;
    this.#store = store;
  }

  /** Notifies the activities of one worker, or all of them, that there may be work. */
  notify(worker?: string): void {
    for (const watch of this.#watches) if (worker === undefined || watch.worker === worker) watch.look();
  }

  async #next(watch: Watch): Promise<ModelRun | undefined> {
    watch.mayHaveWork = false;
    await this.#scheduler.turn(watch.worker);
    const [next, other] = this.#store.open();
    if (other) watch.mayHaveWork = true;
    return next;
  }

  /** Serves the session until there is nothing to do. Throws WorkerLeft. */
  async serve(activity: Activity): Promise<(Served & { readonly epoch: number | null }) | 'superseded'> {
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
      const follows = this.#store.epoch;
      if (this.#store.servedBy !== null) {
        await this.#scheduler.turn(worker);
        if ([...this.open].at(-1) !== activity) return 'superseded';
      }
      const served = await serveRuns({
        firstRun: async () => (begin && begin.runId !== first.runId ? openRun(begin) : null),
        advance: async (run) => {
          const { runId } = run ?? first;
          await this.#scheduler.turn(worker);
          if (epoch === null && this.#store.epoch === follows) this.#noteEarlier(activity);
          const claim = this.#store.begin(runId, worker, epoch, follows);
          if (claim === 'superseded') throw new WorkerLeft();
          if (claim === 'ended') return { kind: 'ended', status: 'completed', session: null };
          ({ epoch } = claim);
          if (activity.attempt === attempt) activity.serves = epoch;
          await this.#scheduler.turn(worker);
          if (this.#chance.happens(0.2)) {
            this.#store.find(runId).isGivenUp = true;
            return { kind: 'continue' };
          }
          await this.#scheduler.turn(worker);
          if (!this.#store.commit(runId, claim.attempt)) throw new WorkerLeft();
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
                  this.#scheduler.removeTimer(timer);
                  resolve(false);
                };
                this.#scheduler.addTimer(timer);
              });
              if (isOver) return null;
            }
            const next = await this.#next(watch);
            if (next) return openRun(next);
          }
        },
        leave: async ({ handsOver }) => {
          await this.#scheduler.turn(worker);
          if ((epoch ?? follows) !== this.#store.epoch) throw new WorkerLeft();
          const next = this.#store.open()[0];
          if (next && !handsOver) return { kind: 'open', next: openRun(next) };
          this.#store.servedBy = null;
          return next
            ? { kind: 'handedOver', next: openRun(next) }
            : { kind: 'left', lastOrdinal: this.#store.runs.length, status: 'active' };
        },
      });
      return { ...served, epoch };
    } finally {
      this.#watches.delete(watch);
    }
  }

  #noteEarlier(activity: Activity): void {
    const all = [...this.open];
    const server = all.find(({ serves, worker }) => serves === this.#store.epoch && worker === this.#store.servedBy);
    if (server && all.indexOf(server) > all.indexOf(activity)) this.supersededByEarlier += 1;
  }
}
