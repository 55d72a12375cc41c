import { CommanderError } from 'commander';
import type { GlobalOptions } from './shared/command-deps.ts';
import { dropEmptyVariables } from './shared/drop-empty-variables.ts';
import { errorMessage } from './shared/error-message.ts';
import { errorJson } from './error-json.ts';
import { EXIT, exitCodeOf } from './shared/exit-codes.ts';
import { createProgram } from './program.ts';
import { runnableHints } from './shared/runnable-hints.ts';

// A reader may close the pipe early (`| head`). That is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

dropEmptyVariables(process.env);
const program = createProgram(process.env, (code) => void (process.exitCode = code));
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, program.opts<GlobalOptions>().json ?? false);
}

/** Prints an error as text, or as a line of JSON; the stack only with PERDURE_DEBUG. Returns the exit code. */
function report(error: unknown, json: boolean): number {
  // Commander has printed its message. Its exit code is 0 for help and version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: errorJson(error, process.env) })}\n`);
    return exitCodeOf(error);
  }
  const message = errorMessage(error, process.env);
  const shown = process.env['PERDURE_DEBUG'] && error instanceof Error ? error.stack : message;
  process.stderr.write(`${runnableHints(shown ?? message)}\n`);
  return exitCodeOf(error);
}
