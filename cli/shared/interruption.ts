import { EXIT } from './exit-codes.ts';

/** A package runner forwards the signal that the terminal has already sent. A second one within this time is the same. */
const DUPLICATE_SIGNAL_MS = 500;

/**
 * The first Ctrl-C or SIGTERM calls `onFirst`; a second one exits the process at once. Returns the function that removes
 * the handlers.
 */
export function onInterrupt(onFirst: () => void): () => void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      onFirst();
    } else if (Date.now() - firstAt > DUPLICATE_SIGNAL_MS) {
      process.exit(EXIT.interrupted);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  };
}

/** Runs `work` until it ends or is interrupted by Ctrl-C. Resolves with the exit code. */
export async function untilInterrupted(work: (stop: AbortSignal) => Promise<void>): Promise<number> {
  const stop = new AbortController();
  const release = onInterrupt(() => stop.abort());
  try {
    await work(stop.signal);
    return EXIT.ok;
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    release();
  }
}
