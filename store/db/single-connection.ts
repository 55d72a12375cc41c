interface Waiting {
  readonly isTransaction: boolean;
  readonly start: () => void;
}

/**
 * The one connection of an embedded database, which executes statements in the order in which they are sent. A transaction has it
 * for itself from BEGIN to COMMIT. Other statements are sent without waiting for one another's results.
 */
export class SingleConnection {
  readonly #waiting: Waiting[] = [];
  #inTransaction = false;

  /** Sends a statement, which is its own transaction. `send` sends it before it returns. */
  statement<T>(send: () => Promise<T>): Promise<T> {
    return this.#take(false, send);
  }

  transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#take(true, async () => {
      try {
        return await work();
      } finally {
        this.#inTransaction = false;
        this.#startNext();
      }
    });
  }

  #take<T>(isTransaction: boolean, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push({ isTransaction, start: () => resolve(work()) });
    this.#startNext();
    return promise;
  }

  /** Starts what waits, in order, up to a transaction. */
  #startNext(): void {
    while (!this.#inTransaction) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#inTransaction = next.isTransaction;
      next.start();
    }
  }
}
