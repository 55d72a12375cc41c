import { Command, Option } from 'commander';
import { packageVersion } from '../assets/package-files.ts';
import { whileRunningSchema } from '../contracts/session/message.ts';
import { sessionStatusSchema } from '../contracts/session/session.ts';
import { usageBySchema } from '../contracts/usage.ts';
import { createCli } from './shared/cli.ts';
import type { Cli, GlobalOptions } from './shared/cli.ts';
import { moment, named } from './shared/filter-options.ts';
import { EXAMPLES, EXIT_CODES } from './help.ts';
import { addKeeping } from './keeping-commands.ts';
import { part, positive, whole } from './shared/numbers.ts';
import { addServiceCommands } from './service-commands.ts';
import { addWhose, asked } from './shared/whose-options.ts';
import { addWhyCommands } from './why-commands.ts';

/** The command line. `setExitCode` is told where success is not a plain 0. */
export function createProgram(env: NodeJS.ProcessEnv, setExitCode: (code: number) => void): Command {
  const program = new Command('perdure')
    .description('Durable agent sessions on Temporal: talk to agents, and look after their sessions.')
    .option('--url <url>', 'the gateway (default: PERDURE_URL, or http://127.0.0.1:4747)')
    .option(
      '--user <user>',
      'whose sessions, where the gateway has no authentication (default: PERDURE_USER, or "local")',
    )
    .option('--json', 'print JSON, for programs; errors too, to standard error')
    .version(packageVersion(), '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES}`);
  const cli = (): Cli => createCli(program.opts<GlobalOptions>(), env);
  addServiceCommands(program, env, cli, setExitCode);
  addTalking(program, cli, setExitCode);
  addLooking(program, cli);
  addWhyCommands(program, cli, setExitCode);
  addStopping(program, cli);
  addKeeping(program, cli);
  return program;
}

/** Commands load what they need when they run, so that help is quick. */
function addTalking(program: Command, cli: () => Cli, setExitCode: (code: number) => void): void {
  program
    .command('chat [session]')
    .description('talk to an agent in a session (default "main"); lines from a pipe are answered one by one')
    .option('--agent <name>', 'the agent, for a session that is new')
    .action(async (session: string | undefined, options: { agent?: string }) => {
      const { chat } = await import('./talk/chat.ts');
      setExitCode(await chat(cli(), session ?? 'main', options.agent));
    });
  program
    .command('send [text]')
    .description('deliver one message; without text, or with "-", it is read from standard input')
    .option('-s, --session <id>', 'the session, created if it is not there', 'main')
    .option('-w, --wait', 'wait for the answer and print it')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(60).argParser(positive))
    .option('--id <id>', 'the message id: sent again, it gives the same receipt and no second answer')
    .addOption(new Option('--while-running <how>', 'what to do if a run is going').choices(whileRunningSchema.options))
    .option('--agent <name>', 'the agent, for a session that is new')
    .action(async (text: string | undefined, options) => (await import('./talk/send.ts')).send(cli(), text, options));
  program
    .command('run [text]')
    .description('one answer without a session')
    .option('--agent <name>', 'the agent')
    .addOption(new Option('--timeout <seconds>', 'how long to wait').default(60).argParser(positive))
    .action(async (text: string | undefined, options) =>
      (await import('./talk/run-once.ts')).runOnce(cli(), text, options),
    );
  program
    .command('watch <session>')
    .description('show what happens in a session, as it happens')
    .addOption(
      new Option('--after <seq>', 'begin after this event').default(0, '0: from the beginning').argParser(whole),
    )
    .action(async (id: string, options: { after: number }) => {
      const { watch } = await import('./look/watch.ts');
      setExitCode(await watch(cli(), id, options.after));
    });
}

function addLooking(program: Command, cli: () => Cli): void {
  addWhose(program.command('sessions'))
    .description('list sessions, newest activity first')
    .addOption(new Option('--status <status>', 'only these').choices(sessionStatusSchema.options))
    .option('--agent <name>', 'only those of this agent')
    .addOption(
      new Option('--min-error-rate <part>', 'only those that failed this part of their runs, 0 to 1').argParser(part),
    )
    .addOption(
      new Option('--metadata <name=value>', 'only those with it; may be given more than once').argParser(named),
    )
    .addOption(
      new Option('--active-since <time>', 'only those active since, as 2026-11-01 or 2026-11-01T12:00:00Z').argParser(
        moment,
      ),
    )
    .addOption(new Option('--limit <n>', 'at most this many').argParser(whole))
    .option('--cursor <cursor>', 'the next page, as the last one said')
    .action(async (options) => (await import('./look/sessions.ts')).sessions(cli(), asked(options)));
  program
    .command('session <id>')
    .description('show a session: its status, what it waits for, what it did')
    .action(async (id: string) => (await import('./look/sessions.ts')).session(cli(), id));
  program
    .command('transcript <session>')
    .description('show the conversation as the model sees it')
    .action(async (id: string) => (await import('./look/transcript.ts')).transcript(cli(), id));
  program
    .command('runs <session> [run]')
    .description("list a session's runs, or show one with its steps and tool calls")
    .action(async (id: string, run: string | undefined) => (await import('./look/runs.ts')).runs(cli(), id, run));
  addWhose(program.command('usage'))
    .description('show what model calls used and cost')
    .addOption(new Option('--by <what>', 'a line for each').choices(usageBySchema.options).default('day'))
    .option('--from <day>', 'first day, UTC, as 2026-11-01 (default: the first of the month)')
    .option('--to <day>', 'last day, UTC (default: today)')
    .action(async (options) => (await import('./look/usage.ts')).usage(cli(), asked(options)));
  const budget = program
    .command('budget')
    .description('show limits, and what has gone of them in this month and on this day')
    .option('--of <user>', 'of another user, for operators')
    .action(async (options: { of?: string }) => (await import('./act/budget.ts')).budget(cli(), options.of));
  budget
    .command('set <setting...>')
    .description('set limits, for operators: monthlyUsd=50 dailyTokens=none dailyWarnUsd=default')
    .action(async (settings: string[]) =>
      (await import('./act/budget.ts')).setBudget(cli(), budget.opts<{ of?: string }>().of, settings),
    );
  program
    .command('agents')
    .description('list the agents')
    .action(async () => (await import('./look/agents.ts')).agents(cli()));
  program
    .command('providers')
    .description('list the providers of models: their limits, circuits, and how many runs wait')
    .action(async () => (await import('./look/providers.ts')).providers(cli()));
}

function addStopping(program: Command, cli: () => Cli): void {
  program
    .command('cancel <session> [run]')
    .description('stop the run that is going, at once, or the one named')
    .action(async (id: string, run: string | undefined) => (await import('./act/cancel.ts')).cancel(cli(), id, run));
  program
    .command('resume <session> [run]')
    .description('let a failed run go on after its last completed step: the newest, or the one named')
    .action(async (id: string, run: string | undefined) => (await import('./act/resume.ts')).resume(cli(), id, run));
  program
    .command('end <session>')
    .description('end a session: it takes no more messages')
    .addOption(new Option('--status <status>', 'how it ended').choices(['completed', 'failed']))
    .option('--reason <text>', 'kept with the session')
    .action(async (id: string, options) => (await import('./act/end.ts')).end(cli(), id, options));
}
