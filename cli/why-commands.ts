import { Option, type Command } from 'commander';
import { statsBySchema } from '../contracts/stats.ts';
import type { CommandDeps } from './shared/command-deps.ts';
import { parsePositive, parseWhole } from './shared/parse-number.ts';
import { addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** Commands that answer what happened, and why. They load what they need when they run, so that help is quick. */
export function addWhyCommands(program: Command, deps: () => CommandDeps, setExitCode: (code: number) => void): void {
  program
    .command('why <name> [run]')
    .usage('<session> | <run> | <session> <run>')
    .description("show what a session waits for, or where a run's time and money went")
    .action(async (first: string, run: string | undefined) => (await import('./look/why.ts')).why(deps(), first, run));
  program
    .command('events <session>')
    .description("show a session's durable events, a line each")
    .addOption(
      new Option('--after <seq>', 'begin after this event').default(0, '0: from the beginning').argParser(parseWhole),
    )
    .option('--follow', 'and those to come, until Ctrl-C')
    .action(async (id: string, options: { after: number; follow?: boolean }) => {
      const { events } = await import('./look/events.ts');
      setExitCode(await events(deps(), id, options));
    });
  program
    .command('replay <name> [run]')
    .usage('<run> | <session> <run>')
    .description('show a run again, event by event, in its own time')
    .addOption(new Option('--speed <times>', 'so many times as fast').default(1).argParser(parsePositive))
    .addOption(new Option('--max-gap <seconds>', 'no pause is longer').default(5).argParser(parsePositive))
    .option('--step', 'wait for a key before each event')
    .action(async (name: string, run: string | undefined, options) => {
      const { replay } = await import('./look/replay.ts');
      setExitCode(await replay(deps(), name, run, options));
    });
  addUserScope(program.command('stats'))
    .description('show how runs went: how many, how many failed, how long they took, what they cost')
    .addOption(new Option('--by <what>', 'a row for each').choices(statsBySchema.options).default('day'))
    .option('--from <day>', 'only from this day on, UTC, YYYY-MM-DD')
    .option('--to <day>', 'only up to this day')
    .addOption(new Option('--limit <n>', 'by session: at most this many').argParser(parseWhole))
    .option('--cursor <cursor>', 'by session: the next page, as the last one said')
    .action(async (options) => (await import('./look/stats.ts')).stats(deps(), toUserScope(options)));
}
