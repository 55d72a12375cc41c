import { EXIT } from '../shared/exit-codes.ts';
import { onInterrupt } from '../shared/interruption.ts';
import { createProgressReporter } from './progress-reporter.ts';
import type { ProgressReporter } from './progress-reporter.ts';

/** A service on its way up. */
export interface Startup {
  readonly progress: ProgressReporter;
  /** What was started, stopped in the opposite order. */
  readonly stack: AsyncDisposableStack;
  /** To be called between two things to start: throws once a stop was asked for. */
  readonly check: () => void;
  /** A line. */
  readonly say: (line: string) => void;
}

/**
 * Starts something, keeps it up until Ctrl-C or SIGTERM, and then stops all that was started. `begin`
 * resolves with a promise that rejects when what was started dies by itself. Resolves with the exit code.
 */
export async function serve(
  begin: (startup: Startup) => Promise<{ readonly died: Promise<unknown> }>,
): Promise<number> {
  const progress = createProgressReporter(say);
  const asked = Promise.withResolvers<void>();
  let stopping = false;
  onInterrupt(() => {
    stopping = true;
    say('Stopping; what is going may end. Ctrl-C again stops at once.');
    progress.step('Stopping');
    asked.resolve();
  });
  const stack = new AsyncDisposableStack();
  try {
    const check = (): void => {
      if (stopping) throw new Error('A stop was asked for.');
    };
    const { died } = await begin({ progress, stack, check, say });
    progress.done();
    await Promise.race([asked.promise, died]);
  } catch (error) {
    if (!stopping) throw error;
  } finally {
    await stack.disposeAsync();
    progress.done();
  }
  say('Stopped.');
  return EXIT.ok;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
