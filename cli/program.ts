import { Command, Option } from 'commander';
import { packageVersion } from '../assets/package-files.ts';
import { whileRunningSchema } from '../contracts/session/message.ts';
import { sessionStatusSchema } from '../contracts/session/session.ts';
import { usageBySchema } from '../contracts/usage.ts';
import { createCommandDeps } from './shared/command-deps.ts';
import type { CommandDeps, GlobalOptions } from './shared/command-deps.ts';
import { parseTime, parseNameValue } from './shared/parse-filter.ts';
import { EXAMPLES, EXIT_CODES } from './help.ts';
import { addDataCommands } from './data-commands.ts';
import { parseFraction, parsePositive, parseWhole } from './shared/parse-number.ts';
import { addServiceCommands } from './service-commands.ts';
import { addUserScope, toUserScope } from './shared/user-scope-options.ts';
import { addWhyCommands } from './why-commands.ts';

/** Creates the command line. `setExitCode` is called by commands whose success is not always 0. */
export function createProgram(env: NodeJS.ProcessEnv, setExitCode: (code: number) => void): Command {
  const program = new Command('perdure')
    .description('Durable agent sessions on Temporal: chat with agents and manage their sessions.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--url <url>', 'gateway (default: PERDURE_URL, or http://127.0.0.1:4747)')
    .option('--user <user>', 'user, for a gateway without authentication (default: PERDURE_USER, or "local")')
    .option('--json', 'print JSON instead of text; errors too, to standard error')
    .showSuggestionAfterError()
    .showHelpAfterError('(run with --help for usage)')
    .exitOverride()
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES}`);
  const deps = (): CommandDeps => createCommandDeps(program.opts<GlobalOptions>(), env);
  addServiceCommands(program, env, deps, setExitCode);
  addMessageCommands(program, deps, setExitCode);
  addReadCommands(program, deps);
  addWhyCommands(program, deps, setExitCode);
  addControlCommands(program, deps);
  addDataCommands(program, deps);
  return program;
}

/** Commands import their code when they run, so that help is fast. */
function addMessageCommands(program: Command, deps: () => CommandDeps, setExitCode: (code: number) => void): void {
  program
    .command('chat [session]')
    .description('chat with an agent in a session (default: "main"); lines from a pipe are sent one by one')
    .option('--agent <name>', 'agent of a new session')
    .action(async (session: string | undefined, options: { agent?: string }) => {
      const { chat } = await import('./talk/chat.ts');
      setExitCode(await chat(deps(), session ?? 'main', options.agent));
    });
  program
    .command('send [text]')
    .description('send one message; without text, or with "-", read it from standard input')
    .option('-s, --session <id>', 'session, created if it does not exist', 'main')
    .option('-w, --wait', 'wait for the answer and print it')
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for the answer').default(60).argParser(parsePositive),
    )
    .option('--id <id>', 'message id; sending it again returns the same receipt, without a second answer')
    .addOption(
      new Option('--while-running <how>', 'what to do if a run is in progress').choices(whileRunningSchema.options),
    )
    .option('--agent <name>', 'agent of a new session')
    .action(async (text: string | undefined, options) => (await import('./talk/send.ts')).send(deps(), text, options));
  program
    .command('run [text]')
    .description('answer one message without a session')
    .option('--agent <name>', 'agent')
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for the answer').default(60).argParser(parsePositive),
    )
    .action(async (text: string | undefined, options) =>
      (await import('./talk/run-once.ts')).runOnce(deps(), text, options),
    );
  program
    .command('watch <session>')
    .description('show the events of a session as they happen')
    .addOption(
      new Option('--after <seq>', 'start after this event').default(0, '0: from the beginning').argParser(parseWhole),
    )
    .action(async (id: string, options: { after: number }) => {
      const { watch } = await import('./look/watch.ts');
      setExitCode(await watch(deps(), id, options.after));
    });
}

function addReadCommands(program: Command, deps: () => CommandDeps): void {
  addUserScope(program.command('sessions'))
    .description('list sessions, most recently active first')
    .addOption(new Option('--status <status>', 'only sessions with this status').choices(sessionStatusSchema.options))
    .option('--agent <name>', 'only sessions of this agent')
    .addOption(
      new Option('--min-error-rate <rate>', 'only sessions with at least this error rate, 0 to 1').argParser(
        parseFraction,
      ),
    )
    .addOption(
      new Option('--metadata <name=value>', 'only sessions with this metadata; may be repeated').argParser(
        parseNameValue,
      ),
    )
    .addOption(
      new Option(
        '--active-since <time>',
        'only sessions active since then, such as 2026-11-01 or 2026-11-01T12:00:00Z',
      ).argParser(parseTime),
    )
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (options) => (await import('./look/sessions.ts')).sessions(deps(), toUserScope(options)));
  program
    .command('session <id>')
    .description('show a session: status, current run, totals, metadata and state')
    .action(async (id: string) => (await import('./look/sessions.ts')).session(deps(), id));
  program
    .command('transcript <session>')
    .description('show the conversation as the model receives it')
    .action(async (id: string) => (await import('./look/show-transcript.ts')).showTranscript(deps(), id));
  program
    .command('runs <session> [run]')
    .description('list the runs of a session, or show one with its steps and tool calls')
    .action(async (id: string, run: string | undefined) => (await import('./look/runs.ts')).runs(deps(), id, run));
  addUserScope(program.command('usage'))
    .description('show the tokens and the cost of model calls')
    .addOption(new Option('--by <what>', 'group by').choices(usageBySchema.options).default('day'))
    .option('--from <day>', 'first day in UTC, such as 2026-11-01 (default: first day of the month)')
    .option('--to <day>', 'last day in UTC (default: today)')
    .action(async (options) => (await import('./look/usage.ts')).usage(deps(), toUserScope(options)));
  const budget = program
    .command('budget')
    .description('show the limits of a budget, and how much of it is used this month and today')
    .option('--of <user>', 'budget of another user (operators only)')
    .action(async (options: { of?: string }) => (await import('./act/budget.ts')).budget(deps(), options.of));
  budget
    .command('set <setting...>')
    .description('set limits (operators only), such as monthlyUsd=50 dailyTokens=none dailyWarnUsd=default')
    .action(async (settings: string[]) =>
      (await import('./act/budget.ts')).setBudget(deps(), budget.opts<{ of?: string }>().of, settings),
    );
  program
    .command('agents')
    .description('list agents')
    .action(async () => (await import('./look/agents.ts')).agents(deps()));
  program
    .command('providers')
    .description('list model providers with their limits, circuits and waiting runs')
    .action(async () => (await import('./look/providers.ts')).providers(deps()));
}

function addControlCommands(program: Command, deps: () => CommandDeps): void {
  program
    .command('cancel <session> [run]')
    .description('cancel the current run, or the given one')
    .action(async (id: string, run: string | undefined) => (await import('./act/cancel.ts')).cancel(deps(), id, run));
  program
    .command('resume <session> [run]')
    .description('resume the latest failed run, or the given one, after its last completed step')
    .action(async (id: string, run: string | undefined) => (await import('./act/resume.ts')).resume(deps(), id, run));
  program
    .command('end <session>')
    .description('end a session, which then accepts no more messages')
    .addOption(new Option('--status <status>', 'final status').choices(['completed', 'failed']))
    .option('--reason <text>', 'reason, stored with the session')
    .action(async (id: string, options) => (await import('./act/end.ts')).end(deps(), id, options));
}
