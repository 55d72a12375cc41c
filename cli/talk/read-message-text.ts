import { stdin } from 'node:process';
import { text as readAll } from 'node:stream/consumers';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** Returns the argument; reads standard input for `-`, or without an argument when input is piped. */
export async function readMessageText(argument: string | undefined): Promise<string> {
  if (argument !== undefined && argument !== '-') return argument;
  if (argument === undefined && stdin.isTTY) {
    throw new CliError('No message text. Pass it as an argument, or pipe it to standard input.', EXIT.usage);
  }
  return (await readAll(stdin)).trimEnd();
}
