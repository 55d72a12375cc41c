import type { Telemetry } from '../../telemetry/telemetry.ts';
import { catchUncaughtErrors } from '../../telemetry/uncaught-errors.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import type { Startup } from './serve.ts';

/**
 * Logs and counts errors that no code caught. The process continues after an error of a tool, and after a rejected promise
 * that nothing awaits, because no code was interrupted. After any other exception it stops as after SIGTERM, with exit code 1:
 * code was interrupted at an unknown place.
 */
export function handleUncaughtErrors({ metrics, log }: Telemetry, { stack, fail }: Startup): void {
  const catching = catchUncaughtErrors((error, origin) => {
    metrics.uncaughtErrors.add({ tool: '' });
    log.error('Uncaught error', { code: origin, error });
    if (origin === 'unhandledRejection') return;
    fail(
      new CliError(
        'The process stopped because of an error that no code caught; its stack trace is in the log. Start it again: sessions continue.',
        EXIT.failed,
      ),
    );
  });
  stack.use(catching);
}
