/**
 * The outcomes of calls that an earlier execution of a program was given. When the program is executed again, it gets them in the
 * same order, and only then those of its other calls, so that it does the same as before.
 */
export class RecordedOutcomes {
  readonly #order: readonly number[];
  /** The calls that the program has made and whose outcomes wait for those before them. */
  readonly #made = new Map<number, () => void>();
  readonly #all = Promise.withResolvers<void>();
  #given = 0;

  /** `order`: the calls, by index, in the order in which their outcomes reached the program. */
  constructor(order: readonly number[]) {
    this.#order = order;
    if (order.length === 0) this.#all.resolve();
  }

  /** Resolves when the program may be given the recorded outcome of a call that it makes. */
  async turnOf(index: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#made.set(index, resolve);
    // Registered before any is resolved, so that outcomes are given in the order in which their promises are resolved.
    const turn = promise.then(() => true);
    this.#give();
    await turn;
  }

  /** Resolves when the program has got every recorded outcome. */
  get given(): Promise<void> {
    return this.#all.promise;
  }

  /** Whether a program that waits, after `settled` outcomes, will never make the call whose outcome is next: it has not repeated what it did. */
  hasDiverged(settled: number): boolean {
    const next = this.#order[this.#given];
    return next !== undefined && settled === this.#given && !this.#made.has(next);
  }

  #give(): void {
    for (let next = this.#order[this.#given]; next !== undefined; next = this.#order[this.#given]) {
      const resolve = this.#made.get(next);
      if (!resolve) return;
      this.#given += 1;
      resolve();
    }
    this.#all.resolve();
  }
}
