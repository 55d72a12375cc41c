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
  /** Stops the service, whose exit code then is that of the error. Only the first call counts. */
  readonly fail: (error: Error) => void;
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
    progress.step('Stopping', 'Press Ctrl-C again to stop without waiting for the work in progress.');
    stopRequested.resolve();
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let failure: Error | null = null;
  const fail = (error: Error): void => {
    failure ??= error;
    failed.reject(error);
  };
  const stack = new AsyncDisposableStack();
  let cause: { readonly error: unknown } | null = null;
  try {
    const throwIfStopping = (): void => {
      if (failure) throw failure;
      if (stopping) throw new Error('A stop was requested.');
    };
    const { died } = await begin({ progress, stack, throwIfStopping, fail, print });
    progress.done();
    await Promise.race([stopRequested.promise, died, failed.promise]);
  } catch (error) {
    cause = stopping ? null : { error };
  }
  // The end of what was started may fail by the same cause, such as a full disk: the first error is the one to report.
  await stack.disposeAsync().catch((error: unknown) => (cause ??= { error }));
  progress.done();
  if (cause !== null) throw cause.error;
  print('Stopped.');
  return EXIT.ok;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
