import type { ModelReply, ModelRequest } from '../../../models/model-client.ts';
import { lastUserMessage, type FunctionModel, type Said } from './function-model.ts';

/** A model call that waits for the test. */
export interface HeldCall {
  readonly request: ModelRequest;
  /** Aborted when the caller wants no answer any more; the call then rejects with its reason. */
  readonly signal: AbortSignal;
  /** When {@link signal} was aborted, by `performance.now()`; null while it is not. */
  readonly abortedAt: () => number | null;
  /** Resolves when {@link signal} is aborted. */
  readonly aborted: Promise<void>;
  /** Streams a piece of text. */
  say(text: string): void;
  /** Ends the call. What was streamed comes first in the reply's text. */
  answer(said?: string | Partial<ModelReply>): void;
  fail(error: Error): void;
}

/** A model that answers when the test says so, told apart by the newest message of the user. */
export interface HeldModel {
  readonly model: FunctionModel;
  /** The next call that answers `content`, or the one that waits; each call is given out once. */
  call(content: string): Promise<HeldCall>;
  /** Calls begun so far that answer `content`. */
  calls(content: string): number;
}

/** `otherwise` answers what does not begin with `hold`. */
export function heldModel(otherwise: FunctionModel = (request) => `echo ${lastUserMessage(request)}`): HeldModel {
  const begun = new Map<string, Queue<HeldCall>>();
  const of = (content: string) => {
    const queue = begun.get(content) ?? new Queue<HeldCall>();
    begun.set(content, queue);
    return queue;
  };
  return {
    call: (content) => of(content).take(),
    calls: (content) => of(content).put,
    model: (request, options) => {
      const content = lastUserMessage(request);
      if (!content.startsWith('hold')) return otherwise(request, options);
      const { promise, resolve, reject } = Promise.withResolvers<Said>();
      let abortedAt: number | null = null;
      let text = '';
      const aborted = Promise.withResolvers<void>();
      const { signal } = options;
      const onAbort = () => {
        abortedAt = performance.now();
        aborted.resolve();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      of(content).add({
        request,
        signal,
        abortedAt: () => abortedAt,
        aborted: aborted.promise,
        say: (piece) => {
          text += piece;
          options.onDelta({ kind: 'text', text: piece });
        },
        answer: (said = '') => resolve(typeof said === 'string' ? text + said : { text, ...said }),
        fail: reject,
      });
      return promise;
    },
  };
}

/** Who comes first waits for the other. */
class Queue<T> {
  put = 0;
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  add(item: T): void {
    this.put += 1;
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#takers.push(resolve)) : Promise.resolve(item);
  }
}
