/**
 * Limits the work that is done at once. Users take turns: of those who wait, each gets the next place in rotation, whatever
 * the others have waiting.
 */
export class UserRotation {
  readonly #atOnce: number;
  readonly #perUser: number;
  #running = 0;
  /** Work in progress, by user. */
  readonly #runningOf = new Map<string, number>();
  /** Users with work that waits, the next one first; each with their work in its order. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /** `perUser`: the most of one user at once, so that places are left for others. */
  constructor({ atOnce, perUser }: { readonly atOnce: number; readonly perUser: number }) {
    this.#atOnce = atOnce;
    this.#perUser = perUser;
  }

  async run<T>(user: string, work: () => Promise<T>): Promise<T> {
    if (!this.#waiting.has(user) && this.#hasPlace(user)) this.#take(user);
    else await this.#turnOf(user);
    try {
      return await work();
    } finally {
      this.#leave(user);
    }
  }

  /** Resolves when the work has a place. */
  #turnOf(user: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const queue = this.#waiting.get(user);
    if (queue) queue.push(resolve);
    else this.#waiting.set(user, [resolve]);
    return promise;
  }

  #hasPlace(user: string): boolean {
    return this.#running < this.#atOnce && (this.#runningOf.get(user) ?? 0) < this.#perUser;
  }

  #take(user: string): void {
    this.#running += 1;
    this.#runningOf.set(user, (this.#runningOf.get(user) ?? 0) + 1);
  }

  #leave(user: string): void {
    this.#running -= 1;
    const left = (this.#runningOf.get(user) ?? 1) - 1;
    if (left === 0) this.#runningOf.delete(user);
    else this.#runningOf.set(user, left);
    for (const [next, queue] of this.#waiting) {
      if (!this.#hasPlace(next)) continue;
      // Behind all others, if more of this user waits.
      this.#waiting.delete(next);
      const start = queue.shift();
      if (queue.length > 0) this.#waiting.set(next, queue);
      this.#take(next);
      start?.();
      return;
    }
  }
}
