import type { Pause } from '../contracts/admin/pause.ts';
import type { CurrentPauses } from '../core/pauses/current-pauses.ts';
import { PAUSES_KEY, type LiveChannel } from '../live/live-channel.ts';
import { readPauses } from '../store/admin/pauses/pauses.ts';
import type { Db } from '../store/db/db.ts';

/** The interval of reads for changes whose notification was lost. */
const POLL_MS = 2_000;

/**
 * Keeps the pauses in memory, so that a run costs no further statement. A change arrives on the live channel, or with the
 * next read. While the store is away the last ones are in force.
 */
export class KnownPauses implements CurrentPauses {
  readonly #db: Db;
  readonly #live: LiveChannel;
  #current: readonly Pause[] = [];
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => {};
  #isStopped = false;

  constructor(db: Db, live: LiveChannel) {
    this.#db = db;
    this.#live = live;
  }

  get current(): readonly Pause[] {
    return this.#current;
  }

  /** Subscribes to changes. Resolves when the pauses have been read, or cannot be read now. */
  async start(): Promise<void> {
    const first = this.refresh();
    const subscription = await this.#live.subscribe(PAUSES_KEY, () => void this.refresh());
    if (this.#isStopped) subscription.close();
    else this.#unsubscribe = () => subscription.close();
    await first;
  }

  /** Publishes a change that this process has made, and reads it. */
  async publish(): Promise<void> {
    this.#live.publish(PAUSES_KEY, { kind: 'pauses' });
    await this.refresh();
  }

  /** Reads follow one another, so each one sees the change that it was requested for. */
  async refresh(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    await this.#reading;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#unsubscribe();
    await this.#reading;
  }

  async #read(): Promise<void> {
    if (this.#isStopped) return;
    this.#current = await readPauses(this.#db).catch(() => this.#current);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), POLL_MS).unref();
    if (this.#isStopped) clearTimeout(this.#timer);
  }
}
