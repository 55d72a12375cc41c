/** Measures the time that a program computes, without its waits. */
export class ComputeClock {
  readonly #limitMs: number;
  #spentMs = 0;
  #since: number | null = null;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Whether the program has computed for longer than its limit. */
  get isOver(): boolean {
    const running = this.#since === null ? 0 : performance.now() - this.#since;
    return this.#spentMs + running > this.#limitMs;
  }

  measure<T>(work: () => T): T {
    this.#since = performance.now();
    try {
      return work();
    } finally {
      this.#spentMs += performance.now() - this.#since;
      this.#since = null;
    }
  }
}
