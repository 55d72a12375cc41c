import { statSync } from 'node:fs';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** Throws a CliError unless the folder exists. `argument`: what names it on the command line. */
export function requireFolder(folder: string, argument: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new CliError(`${argument}: there is no such folder. Create it, or name another.`, EXIT.usage);
}
