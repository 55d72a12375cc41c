import { stdin } from 'node:process';
import { text as readAll } from 'node:stream/consumers';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** The text on the command line; for `-`, or for none when something is piped in, all of standard input. */
export async function readText(argument: string | undefined): Promise<string> {
  if (argument !== undefined && argument !== '-') return argument;
  if (argument === undefined && stdin.isTTY) {
    throw new CliError('There is no text. Give it as an argument, or pipe it in.', EXIT.usage);
  }
  return (await readAll(stdin)).trimEnd();
}
