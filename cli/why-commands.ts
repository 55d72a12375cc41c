import { Option, type Command } from 'commander';
import { statsBySchema } from '../contracts/stats.ts';
import type { CreateDeps, OwnerOption } from './shared/command-deps.ts';
import { parseDay } from './shared/parse-filter.ts';
import { parseOrdinal, parsePositive, parseWhole } from './shared/parse-number.ts';
import { addOwner, addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** Adds the commands that explain sessions and runs. */
export function addWhyCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  addOwner(program.command('why <name> [run]'))
    .usage('<session> | <run> | <session> <run>')
    .description('show what a session waits for, or where the time and the cost of a run went')
    .action(async (first: string, run: string | undefined, owner: OwnerOption) =>
      (await import('./look/why.ts')).why(deps(owner), first, run),
    );
  addOwner(program.command('context <name> [run]'))
    .usage('<run> | <session> <run>')
    .description('show what a model call of a run was given, and where each part comes from')
    .addOption(new Option('--step <n>', 'the step of the run (default: the last one)').argParser(parseOrdinal))
    .addOption(
      new Option('--attempt <n>', 'the attempt of the step (default: the answered one)').argParser(parseOrdinal),
    )
    .action(async (name: string, run: string | undefined, options: { step?: number; attempt?: number } & OwnerOption) =>
      (await import('./look/context.ts')).context(deps(options), name, run, options),
    );
  addOwner(program.command('events <session>'))
    .description('print the durable events of a session, one per line')
    .addOption(
      new Option('--after <seq>', 'start after this event').default(0, '0: from the beginning').argParser(parseWhole),
    )
    .option('--follow', 'print new events too, until Ctrl-C')
    .action(async (id: string, options: { after: number; follow?: boolean } & OwnerOption) => {
      const { events } = await import('./look/events.ts');
      setExitCode(await events(deps(options), id, options));
    });
  addOwner(program.command('replay <name> [run]'))
    .usage('<run> | <session> <run>')
    .description('replay a run, event by event, with its original timing')
    .addOption(new Option('--speed <factor>', 'speed relative to the original').default(1).argParser(parsePositive))
    .addOption(new Option('--max-gap <seconds>', 'longest pause between events').default(5).argParser(parsePositive))
    .option('--step', 'wait for a key before each event')
    .action(async (name: string, run: string | undefined, options) => {
      const { replay } = await import('./look/replay.ts');
      setExitCode(await replay(deps(options), name, run, options));
    });
  addUserScope(program.command('stats'))
    .description('show statistics of runs: number, failures, durations, tokens and cost')
    .addOption(new Option('--by <what>', 'group by').choices(statsBySchema.options).default('day'))
    .addOption(new Option('--from <day>', 'first day in UTC, such as 2026-11-01 or 7d').argParser(parseDay))
    .addOption(new Option('--to <day>', 'last day in UTC').argParser(parseDay))
    .addOption(new Option('--limit <n>', 'with --by session: maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'with --by session: show the next page, as printed below the previous one')
    .action(async (options) => (await import('./look/stats.ts')).stats(deps(), toUserScope(options)));
}
