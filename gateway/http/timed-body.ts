import { PerdureError } from '../../contracts/errors.ts';

export interface TimedBodyOptions {
  /** Time in which the caller must have read all of it. */
  readonly maxMs: number;
  /** Called once when it was read, cancelled, or cut off. */
  readonly onEnd: () => void;
}

/** The body of a response, of pieces that are made as the caller reads them. */
export function timedBody(
  pieces: Iterator<Uint8Array> | AsyncIterator<Uint8Array>,
  { maxMs, onEnd }: TimedBodyOptions,
): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    onEnd();
  };
  /** Also ends what makes the pieces, which may hold a connection. */
  const stop = (): void => {
    end();
    void Promise.resolve(pieces.return?.()).catch(() => {});
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        timer = setTimeout(() => {
          controller.error(new PerdureError('request_timeout', `The response was not read within ${maxMs} ms.`));
          stop();
        }, maxMs);
        timer.unref();
      },
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done !== true) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          throw error;
        }
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}
