import { Option, type Command } from 'commander';
import { runOrderSchema } from '../contracts/session/run.ts';
import type { PauseTarget } from './fleet/pauses.ts';
import type { CreateDeps } from './shared/command-deps.ts';
import { parseInterval } from './shared/parse-number.ts';

/** Commands of operators for many sessions at once. They import their code when they run. */
export function addFleetCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  program
    .command('top')
    .description('for operators: watch sessions, runs, workers, rates and cost of all users; q quits')
    .addOption(new Option('--order <order>', 'of the open runs').choices(runOrderSchema.options).default('slowest'))
    .addOption(new Option('--interval <seconds>', 'between two readings').default(2).argParser(parseInterval))
    .option('--once', 'print the state once, as without a terminal')
    .action(async (options) => setExitCode(await (await import('./fleet/top.ts')).top(deps(), options)));
  addTarget(program.command('pause'))
    .description('for operators: pause an agent, a tool, a provider, a user or everything; new runs wait')
    .option('--refuse', 'refuse messages, or fail calls, instead of letting them wait')
    .option('--stop', 'runs that have begun wait before their next model call, too')
    .option('--reason <text>', 'shown to whoever waits or is refused')
    .action(async (options) => (await import('./fleet/pauses.ts')).pause(deps(), options));
  addTarget(program.command('unpause'))
    .description('for operators: remove a pause; what has waited begins')
    .action(async (options: PauseTarget) => (await import('./fleet/pauses.ts')).unpause(deps(), options));
  program
    .command('pauses')
    .description('for operators: list what is paused')
    .action(async () => (await import('./fleet/pauses.ts')).pauses(deps()));
}

/** `--user` is the global option for the caller. */
function addTarget(command: Command): Command {
  return command
    .option('--agent <name>', 'an agent')
    .option('--tool <name>', 'a tool')
    .option('--provider <name>', 'a model provider')
    .option('--of <user>', 'a user')
    .option('--all', 'everything');
}
