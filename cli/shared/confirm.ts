import { createInterface } from 'node:readline/promises';
import { CliError, EXIT } from './exit-codes.ts';

/** The option of commands that delete, or change many things: with `yes` they do not ask. */
export interface ConfirmOption {
  readonly yes?: boolean;
}

/** Asks on the terminal before a command deletes; see {@link requireTerminal}. Throws `refused` when the answer is not yes. */
export async function confirm(question: string, refused = 'Nothing was deleted.'): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(refused, EXIT.failed);
  } finally {
    terminal.close();
  }
}

/** Throws when there is no terminal to ask on. Call it before the work that a question needs. */
export function requireTerminal(does = 'deletes'): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw new CliError(`This command ${does}, and there is no terminal to ask on. Add --yes.`, EXIT.usage);
}
