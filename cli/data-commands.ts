import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CommandDeps } from './shared/command-deps.ts';
import { parseWhole } from './shared/parse-number.ts';
import { addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** The commands that take sessions out, bring them in and remove them. */
export function addDataCommands(program: Command, deps: () => CommandDeps): void {
  program
    .command('export <session>')
    .description('write a session as one JSON document to standard output')
    .option('-o, --output <file>', 'into this file, which is not there yet')
    .action(async (id: string, options) => (await import('./act/export-files.ts')).exportToFile(deps(), id, options));
  program
    .command('import <file>')
    .description('make the session of an exported document yours; "-" reads standard input')
    .option('--as <id>', 'under another session id')
    .action(async (file: string, options) =>
      (await import('./act/export-files.ts')).importFromFile(deps(), file, options),
    );
  addUserScope(program.command('clean'), 'those of')
    .description(
      'remove your sessions that are idle or old; without a time: expire what is due, remove what is past keeping',
    )
    .addOption(new Option('--idle <time>', 'idle for so long, such as 30m, 12h or 7d').argParser(time))
    .addOption(new Option('--older <time>', 'created so long ago').argParser(time))
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(async (options) => (await import('./act/clean-up.ts')).clean(deps(), options));
  addUserScope(program.command('sweeps [sweep]'), 'of the sessions of')
    .description('list clean-ups, newest first, or show what one did to which session and why')
    .addOption(new Option('--limit <n>', 'at most this many').argParser(parseWhole))
    .option('--cursor <cursor>', 'the next page, as the last one said')
    .action(async (id: string | undefined, options) => {
      const { sweep, sweeps } = await import('./look/sweeps.ts');
      await (id === undefined ? sweeps(deps(), toUserScope(options)) : sweep(deps(), id, options));
    });
  program
    .command('delete <session>')
    .description('remove a session: it is archived if it has more than a few messages')
    .option('--forget', 'keep nothing: no archive, and no history in Temporal')
    .action(async (id: string, options) => (await import('./act/export-files.ts')).remove(deps(), id, options));
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in ms. */
function time(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) throw new InvalidArgumentError('Give a time such as 30m, 12h or 7d.');
  return Number(amount) * (UNITS[unit] ?? 0);
}
