import type { ModelReply, ModelRequest } from '../../../models/model-client.ts';
import { lastUserMessage, type FunctionModel, type FunctionReply } from '../../../testing/function-models.ts';

/** A model call that the test controls. */
export interface HeldCall {
  readonly request: ModelRequest;
  /** Aborted when the caller cancels the call, which then rejects with the reason. */
  readonly signal: AbortSignal;
  /** The time at which {@link signal} was aborted, by `performance.now()`; null before. */
  readonly abortedAt: () => number | null;
  /** Resolves when {@link signal} is aborted. */
  readonly aborted: Promise<void>;
  /** Streams a piece of text. */
  say(text: string): void;
  /** Ends the call. The reply's text begins with the streamed text. */
  answer(said?: string | Partial<ModelReply>): void;
  fail(error: Error): void;
}

/** A model whose calls end when the test ends them. Calls are identified by the newest message of the user. */
export interface HeldModel {
  readonly model: FunctionModel;
  /** Resolves with the next call for `content`. Each call is returned once. */
  call(content: string): Promise<HeldCall>;
  /** The number of calls started for `content`. */
  calls(content: string): number;
}

/** `otherwise` handles messages that do not begin with `hold`. */
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
      const { promise, resolve, reject } = Promise.withResolvers<FunctionReply>();
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

/** Matches calls with the tests that wait for them, whichever comes first. */
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
