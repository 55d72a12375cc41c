import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CommandDeps } from './shared/command-deps.ts';
import { parseWhole } from './shared/parse-number.ts';
import { addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** Adds the commands that export, import, clean up and delete sessions. */
export function addDataCommands(program: Command, deps: () => CommandDeps): void {
  program
    .command('export <session>')
    .description('export a session as one JSON document to standard output')
    .option('-o, --output <file>', 'write to a new file instead')
    .action(async (id: string, options) => (await import('./act/export-files.ts')).exportToFile(deps(), id, options));
  program
    .command('import <file>')
    .description('import an exported session; "-" reads standard input')
    .option('--as <id>', 'import under another session id')
    .action(async (file: string, options) =>
      (await import('./act/export-files.ts')).importFromFile(deps(), file, options),
    );
  addUserScope(program.command('clean'))
    .description('remove idle or old sessions; without --idle and --older, apply the expiry and retention policies')
    .addOption(
      new Option('--idle <time>', 'sessions idle for this long, such as 30m, 12h or 7d').argParser(parseDuration),
    )
    .addOption(new Option('--older <time>', 'sessions created this long ago').argParser(parseDuration))
    .option('--dry-run', 'show what would be done without doing it')
    .action(async (options) => (await import('./act/clean-up.ts')).clean(deps(), options));
  addUserScope(program.command('sweeps [sweep]'))
    .description('list clean-ups, newest first, or show what one did to each session and why')
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (id: string | undefined, options) => {
      const { sweep, sweeps } = await import('./look/sweeps.ts');
      await (id === undefined ? sweeps(deps(), toUserScope(options)) : sweep(deps(), id, options));
    });
  program
    .command('delete <session>')
    .description('delete a session; one with more than a few messages is archived')
    .option('--forget', 'keep neither an archive nor the history in Temporal')
    .action(async (id: string, options) =>
      (await import('./act/export-files.ts')).deleteSessionById(deps(), id, options),
    );
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration such as `30m`, to ms. */
function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined)
    throw new InvalidArgumentError('Expected a duration such as 30m, 12h or 7d.');
  return Number(amount) * (UNITS[unit] ?? 0);
}
