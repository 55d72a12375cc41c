import { stdin } from 'node:process';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { readUtf8 } from '../shared/read-utf8.ts';

/**
 * Returns the argument; reads standard input for `-`, or without an argument when input is piped. Throws a {@link CliError} where
 * that is empty, unless the message has files, too.
 */
export async function readMessageText(argument: string | undefined, hasFiles = false): Promise<string> {
  if (argument === undefined && stdin.isTTY && hasFiles) return '';
  if (argument === undefined && stdin.isTTY) {
    throw new CliError('No message text. Pass it as an argument, or pipe it to standard input.', EXIT.usage);
  }
  const isArgument = argument !== undefined && argument !== '-';
  const text = isArgument ? argument : (await readUtf8(stdin, 'Standard input')).trimEnd();
  if (text !== '' || (hasFiles && argument !== '-')) return text;
  throw new CliError(
    isArgument
      ? 'The message is empty. Pass its text, or "-" to read it from standard input.'
      : 'Standard input is empty. Pipe the text of the message to it, or pass it as an argument.',
    EXIT.usage,
  );
}
