/** Calls back after a time in which the pauses do not count. */
export class PausableTimer {
  readonly #onEnd: () => void;
  #remainingMs: number;
  #since = performance.now();
  #timer: NodeJS.Timeout;
  #pauses = 0;
  #isStopped = false;

  constructor(ms: number, onEnd: () => void) {
    this.#remainingMs = ms;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(onEnd, ms);
  }

  /** Pauses while the work is in progress. */
  async pauseFor<T>(work: () => Promise<T>): Promise<T> {
    if ((this.#pauses += 1) === 1) {
      clearTimeout(this.#timer);
      this.#remainingMs -= performance.now() - this.#since;
    }
    try {
      return await work();
    } finally {
      if ((this.#pauses -= 1) === 0 && !this.#isStopped) {
        this.#since = performance.now();
        this.#timer = setTimeout(this.#onEnd, Math.max(1, this.#remainingMs));
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
