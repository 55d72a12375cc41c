import { Option, type Command } from 'commander';
import type { CreateDeps } from './shared/command-deps.ts';
import type { MoveOptions } from './act/move-attachments.ts';
import { parseDuration } from './shared/parse-duration.ts';
import { parseWhole } from './shared/parse-number.ts';
import { addOwner, addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** Adds the commands that export, import, clean up and delete sessions. */
export function addDataCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  addOwner(program.command('export <session>'))
    .description('export a session as one JSON document to standard output')
    .option('--attachments', 'with the images and files of its messages')
    .option('-o, --output <file>', 'write to a new file instead')
    .action(async (id: string, options) =>
      (await import('./act/export-files.ts')).exportToFile(deps(options), id, options),
    );
  program
    .command('import <file>')
    .description('import an exported session; "-" reads standard input')
    .option('--as <id>', 'import under another session id')
    .action(async (file: string, options) =>
      (await import('./act/export-files.ts')).importFromFile(deps(), file, options),
    );
  addUserScope(program.command('clean'))
    .description(
      'remove sessions that are idle and old enough; without --idle and --older, apply the expiry and retention policies',
    )
    .addOption(
      new Option('--idle <time>', 'sessions idle for this long, such as 30m, 12h or 7d').argParser(parseDuration),
    )
    .addOption(
      new Option('--older <time>', 'sessions created this long ago; with --idle, both must be true').argParser(
        parseDuration,
      ),
    )
    .option('--dry-run', 'show what would be done without doing it')
    .option('-y, --yes', 'do not ask')
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
    .option('-y, --yes', 'do not ask')
    .action(async (id: string, options) =>
      (await import('./act/export-files.ts')).deleteSessionById(deps(), id, options),
    );
  program
    .command('erase <user>')
    .description('for operators: erase everything that is stored of a user, and check that nothing is left')
    .option('-y, --yes', 'do not ask')
    .action(async (user: string, options) => (await import('./act/erase.ts')).erase(deps(), user, options));
  program
    .command('erasures [erasure]')
    .description('for operators: list erasures of users, newest first, or show the report of one')
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (id: string | undefined, options) => {
      const { erasure, erasures } = await import('./act/erasures.ts');
      await (id === undefined ? erasures(deps(), options) : erasure(deps(), id));
    });
  program
    .command('restore <session>')
    .description('restore an archived session without sending it a message')
    .action(async (id: string) => (await import('./act/restore.ts')).restore(deps(), id));
  program
    .command('attachments')
    .description('move the contents of attachments between the database, a folder and a bucket')
    .command('move')
    .description('for operators: move the attachments of all users; stop and repeat it at any time')
    .addOption(
      new Option('--to <place>', 'where to; the deployment file names the folder and the bucket')
        .choices(['database', 'folder', 's3'])
        .makeOptionMandatory(),
    )
    .action(async (options: MoveOptions) => {
      const { moveAttachments } = await import('./act/move-attachments.ts');
      setExitCode(await moveAttachments(deps(), options));
    });
}
