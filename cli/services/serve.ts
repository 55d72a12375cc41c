import { EXIT } from '../shared/exit-codes.ts';
import { onInterrupt } from '../shared/interruption.ts';
import { createProgressReporter } from './progress-reporter.ts';
import type { ProgressReporter } from './progress-reporter.ts';

/** Tools for starting a service. */
export interface Startup {
  readonly progress: ProgressReporter;
  /** Disposes of everything that was started, last started first. */
  readonly stack: AsyncDisposableStack;
  /** Throws if a stop was requested. Call it between the parts of the start. */
  readonly throwIfStopping: () => void;
  readonly print: (line: string) => void;
}

/**
 * Starts a service, runs it until Ctrl-C or SIGTERM, and then stops everything that was started. `begin` resolves once
 * the service is up; its promise `died` rejects when the service fails afterwards. Resolves with the exit code.
 */
export async function serve(
  begin: (startup: Startup) => Promise<{ readonly died: Promise<unknown> }>,
): Promise<number> {
  const progress = createProgressReporter(print);
  const stopRequested = Promise.withResolvers<void>();
  let stopping = false;
  onInterrupt(() => {
    stopping = true;
    print('Stopping once the work in progress has finished. Press Ctrl-C again to stop at once.');
    progress.step('Stopping');
    stopRequested.resolve();
  });
  const stack = new AsyncDisposableStack();
  try {
    const throwIfStopping = (): void => {
      if (stopping) throw new Error('A stop was requested.');
    };
    const { died } = await begin({ progress, stack, throwIfStopping, print });
    progress.done();
    await Promise.race([stopRequested.promise, died]);
  } catch (error) {
    if (!stopping) throw error;
  } finally {
    await stack.disposeAsync();
    progress.done();
  }
  print('Stopped.');
  return EXIT.ok;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
