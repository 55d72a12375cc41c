import { EXIT } from './exit-codes.ts';

/** Package runners pass on the signal that the terminal has already sent: what comes this soon is the same one. */
const SAME_MS = 500;

/**
 * Until the returned function is called, the first Ctrl-C or SIGTERM calls `onFirst`, and a second one
 * ends the process at once.
 */
export function onInterrupt(onFirst: () => void): () => void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      onFirst();
    } else if (Date.now() - firstAt > SAME_MS) {
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

/** Does `work` to its end, or until Ctrl-C. Resolves with the exit code. */
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
