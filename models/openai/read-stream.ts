import type { ProviderCall } from './call-provider.ts';

/** How long a provider may take to send its usage and close the stream after the terminal event. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Assembles the events of a stream. */
export interface StreamReader {
  take(event: unknown): void;
  /** Whether the terminal event has arrived. */
  readonly ended: boolean;
}

/** Reads a stream to its close, to receive the usage and to let the connection be reused. */
export async function readStream(
  events: AsyncIterable<unknown>,
  reader: StreamReader,
  { signal, resetIdleTimeout }: ProviderCall,
): Promise<void> {
  try {
    resetIdleTimeout();
    for await (const event of events) {
      signal.throwIfAborted();
      reader.take(event);
      resetIdleTimeout(reader.ended ? CLOSE_TIMEOUT_MS : undefined);
    }
    signal.throwIfAborted();
  } catch (error) {
    // After the terminal event, only the usage can be lost. `callProvider` handles an abort by the caller.
    if (!reader.ended) throw error;
  }
}
