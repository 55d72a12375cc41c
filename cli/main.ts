import { CommanderError } from 'commander';
import type { GlobalOptions } from './shared/command-deps.ts';
import { errorJson } from './error-json.ts';
import { EXIT, exitCodeOf } from './shared/exit-codes.ts';
import { createProgram } from './program.ts';

// Whoever reads our output may leave early (`| head`): that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const program = createProgram(process.env, (code) => void (process.exitCode = code));
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error, program.opts<GlobalOptions>().json ?? false);
}

/** Errors are sentences, with `--json` a line of JSON; the stack is shown only to those who ask for it. */
function explain(error: unknown, json: boolean): number {
  // Commander has written its own message; its code 0 is for help and version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: errorJson(error) })}\n`);
    return exitCodeOf(error);
  }
  const message = error instanceof Error ? error.message : String(error);
  const shown = process.env['PERDURE_DEBUG'] && error instanceof Error ? error.stack : message;
  process.stderr.write(`${shown}\n`);
  return exitCodeOf(error);
}
