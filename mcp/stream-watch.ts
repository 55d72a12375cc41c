import { AsyncLocalStorage } from 'node:async_hooks';

/** How long a call waits after the last stream that could bring its result has ended. A client may resume an interrupted stream. */
const RESUME_MS = 5_000;

/** The watch of the call on whose behalf the SDK sends a request. */
export const watchedCall = new AsyncLocalStorage<StreamWatch>();

/**
 * Watches the HTTP streams of one tool call. The SDK reports only the end of a whole connection, and HTTP has none: without this,
 * a call whose server has died would wait until its timeout.
 */
export class StreamWatch implements Disposable {
  /** Resolves when no stream is left that could bring the result. */
  readonly lost: Promise<void>;
  readonly #lose: () => void;
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    this.#lose = resolve;
  }

  opened(): void {
    clearTimeout(this.#timer);
    this.#open += 1;
  }

  ended(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#timer = setTimeout(this.#lose, RESUME_MS);
  }

  /** A stream could not be resumed. */
  failed(): void {
    if (this.#open === 0) this.#lose();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
