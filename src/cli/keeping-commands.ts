import type { Command } from 'commander';
import type { Cli } from './cli.ts';

/** The commands that take sessions out, bring them in and remove them. */
export function addKeeping(program: Command, cli: () => Cli): void {
  program
    .command('export <session>')
    .description('write a session as one JSON document to standard output')
    .action(async (id: string) => (await import('./exports.ts')).exportSession(cli(), id));
  program
    .command('import <file>')
    .description('make the session of an exported document yours; "-" reads standard input')
    .option('--as <id>', 'under another session id')
    .action(async (file: string, options) => (await import('./exports.ts')).importSession(cli(), file, options));
  program
    .command('delete <session>')
    .description('remove a session: it is archived if it has more than a few messages')
    .option('--forget', 'keep nothing: no archive, and no history in Temporal')
    .action(async (id: string, options) => (await import('./exports.ts')).remove(cli(), id, options));
}
