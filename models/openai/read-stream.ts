import type { CallGuard } from './guard-call.ts';

/** How long a provider may take to add its usage, and to close, after its answer has ended. */
const AFTERWORD_MS = 2_000;

/** What puts a stream together. */
export interface StreamReader {
  take(event: unknown): void;
  /** Whether the terminal event came. */
  readonly ended: boolean;
}

/** Reads a stream to its close, so that usage is heard and the connection can be used again. */
export async function readStream(
  events: AsyncIterable<unknown>,
  reader: StreamReader,
  { signal, heard }: CallGuard,
): Promise<void> {
  try {
    heard();
    for await (const event of events) {
      signal.throwIfAborted();
      reader.take(event);
      heard(reader.ended ? AFTERWORD_MS : undefined);
    }
    signal.throwIfAborted();
  } catch (error) {
    // Once the answer has ended, only its usage can still be lost. A caller's abort is seen by the guard.
    if (!reader.ended) throw error;
  }
}
