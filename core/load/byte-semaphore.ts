interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/** Bounds the bytes that several tasks hold at once. Tasks wait in the order in which they came. */
export class ByteSemaphore {
  readonly #maxBytes: number;
  readonly #waiting: Waiter[] = [];
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Waits until there is room, and returns what gives it back. More than the bound counts as the bound. Rejects with the signal's reason. */
  async acquire(bytes: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const taken = Math.min(bytes, this.#maxBytes);
    if (this.#waiting.length > 0 || this.#held + taken > this.#maxBytes) await this.#turn(taken, signal);
    else this.#held += taken;
    return { [Symbol.dispose]: () => this.#release(taken) };
  }

  /** Resolves when the bytes are held. */
  async #turn(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { bytes, resolve };
    const onAbort = (): void => {
      const at = this.#waiting.indexOf(waiter);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      this.#admit();
      reject(signal.reason as Error);
    };
    this.#waiting.push(waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  #release(bytes: number): void {
    this.#held -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (let [next] = this.#waiting; next && this.#held + next.bytes <= this.#maxBytes; [next] = this.#waiting) {
      this.#waiting.shift();
      this.#held += next.bytes;
      next.resolve();
    }
  }
}
