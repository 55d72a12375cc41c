import { estimateWait, type WaitEstimate } from '../../core/load/estimate-wait.ts';
import { addSample, NO_LOAD, type LoadSample, type LoadWindow } from '../../core/load/load-window.ts';

/** The least time between two reads. After a slow one it is so many times its duration, at most 5 s, since older samples are of no use. */
const READ_EVERY_MS = 1_000;
const READ_SHARE = 20;
const MAX_PAUSE_MS = 5_000;
/** A message is refused by no older sample, if another one is being read: what waited may have begun while nothing was sent. */
const FRESH_MS = 2_000;
/** An estimate of an older sample is none: nothing was sent meanwhile. */
const STALE_MS = 10_000;

export interface LoadMonitorDeps {
  /** Reads the runs that wait and what workers have begun. */
  readonly read: () => Promise<Pick<LoadSample, 'waiting' | 'begun'>>;
  /** Default: the monotonic clock. */
  readonly now?: () => number;
}

/**
 * Estimates how long a run that is admitted now would wait. It reads the store while messages arrive, in the background and at
 * most once a second, and counts the messages that this gateway is admitting.
 */
export class LoadMonitor {
  readonly #read: LoadMonitorDeps['read'];
  readonly #now: () => number;
  #window: LoadWindow = NO_LOAD;
  #estimate: WaitEstimate | null = null;
  #reading: Promise<void> | null = null;
  #nextReadMs = Number.NEGATIVE_INFINITY;
  /** Messages that are being admitted, by user. */
  readonly #admitting = new Map<string, number>();
  #admitted = { count: 0, tookMs: 0 };

  constructor({ read, now = () => performance.now() }: LoadMonitorDeps) {
    this.#read = read;
    this.#now = now;
  }

  /** The newest estimate, null if there is none. Returns at once; starts a read if one is due. */
  estimate(): WaitEstimate | null {
    const nowMs = this.#now();
    if (this.#reading === null && nowMs >= this.#nextReadMs) this.#reading = this.#sample(nowMs);
    const { last } = this.#window;
    return last !== null && nowMs - last.atMs <= STALE_MS ? this.#estimate : null;
  }

  /** The estimate to refuse a message by. Waits for a read that is in progress, if the newest sample is not of the last seconds. */
  async freshEstimate(): Promise<WaitEstimate | null> {
    const { last } = this.#window;
    if (last !== null && this.#now() - last.atMs > FRESH_MS) await this.#reading;
    return this.estimate();
  }

  /** Does the work of admitting a message, and counts it as one that waits meanwhile. */
  async admitting<T>(user: string, work: () => Promise<T>): Promise<T> {
    const beganMs = this.#now();
    this.#admitting.set(user, (this.#admitting.get(user) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#admitting.get(user) ?? 1) - 1;
      if (left === 0) this.#admitting.delete(user);
      else this.#admitting.set(user, left);
      const { count, tookMs } = this.#admitted;
      this.#admitted = { count: count + 1, tookMs: tookMs + this.#now() - beganMs };
    }
  }

  /** Resolves when no read is in progress. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  async #sample(beganMs: number): Promise<void> {
    try {
      const { waiting, begun } = await this.#read();
      const atMs = this.#now();
      const sample = { atMs, waiting: sumOf(waiting, this.#admitting), begun, admitted: this.#admitted };
      this.#window = addSample(this.#window, sample);
      this.#estimate = estimateWait(this.#window);
    } catch {
      // The store is away: it refuses messages itself.
      this.#estimate = null;
    } finally {
      const nowMs = this.#now();
      const pauseMs = Math.min(MAX_PAUSE_MS, READ_SHARE * (nowMs - beganMs));
      this.#nextReadMs = Math.max(beganMs + READ_EVERY_MS, nowMs + pauseMs);
      this.#reading = null;
    }
  }
}

function sumOf(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sum = new Map(a);
  for (const [user, count] of b) sum.set(user, (sum.get(user) ?? 0) + count);
  return sum;
}
