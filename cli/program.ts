import { Command, Option } from 'commander';
import { packageVersion } from '../assets/package-files.ts';
import { whileRunningSchema } from '../contracts/session/message.ts';
import { runStatusFilterSchema } from '../contracts/session/list-filters.ts';
import { runOrderSchema } from '../contracts/session/run.ts';
import { usageBySchema } from '../contracts/usage.ts';
import { addBatchCommands } from './batch-commands.ts';
import { addAgentCommands } from './agent-commands.ts';
import { addCompletion } from './completion.ts';
import { createCommandDeps } from './shared/command-deps.ts';
import type { CreateDeps, GlobalOptions, OwnerOption } from './shared/command-deps.ts';
import { parseDay, parseTime, parseNameValue } from './shared/parse-filter.ts';
import { EXAMPLES, EXIT_CODES } from './help.ts';
import { addDataCommands } from './data-commands.ts';
import { addInboxCommands } from './inbox-commands.ts';
import { addFleetCommands } from './fleet-commands.ts';
import { addMemoryCommands } from './memory-commands.ts';
import { addListFilters, addSessionFilters, toListFilter } from './fleet/list-filter-options.ts';
import { parsePositive, parseWhole } from './shared/parse-number.ts';
import { addKeyCommands } from './key-commands.ts';
import { addServiceCommands } from './service-commands.ts';
import type { ChatOptions } from './talk/chat.ts';
import { addOwner, addUserScope, toUserScope } from './shared/user-scope-options.ts';
import { addUpgradeCommands } from './upgrade-commands.ts';
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
  const deps: CreateDeps = (owner) => createCommandDeps(program.opts<GlobalOptions>(), env, owner);
  program.commandsGroup('Run:');
  addServiceCommands(program, env, deps, setExitCode);
  program.commandsGroup('Talk:');
  addMessageCommands(program, deps, setExitCode);
  addInboxCommands(program, deps);
  program.commandsGroup('Look:');
  addReadCommands(program, deps, setExitCode);
  addAgentCommands(program, env, deps, setExitCode);
  addWhyCommands(program, deps, setExitCode);
  addMemoryCommands(program, deps);
  program.commandsGroup('Control:');
  addControlCommands(program, deps);
  addKeyCommands(program, env, deps);
  addFleetCommands(program, deps, setExitCode);
  addBatchCommands(program, deps, setExitCode);
  program.commandsGroup('Cost:');
  addCostCommands(program, deps);
  program.commandsGroup('Move and remove:');
  addDataCommands(program, deps, setExitCode);
  program.commandsGroup('Upgrade:');
  addUpgradeCommands(program, env, deps, setExitCode);
  program.commandsGroup('Shell:');
  addCompletion(program, env);
  addHelpCommand(program);
  return program;
}

/** Commander's own prints the whole help for a command that does not exist. */
function addHelpCommand(program: Command): void {
  program.helpCommand(false);
  program
    .command('help [command]')
    .description('show help of a command')
    .action(async (name: string | undefined) => {
      const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
      if (command === undefined) await program.parseAsync([name ?? ''], { from: 'user' });
      else command.outputHelp();
    });
}

/** Commands import their code when they run, so that help is fast. */
function addMessageCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  program
    .command('chat [session]')
    .description('chat with an agent in a session (default: "main"); lines from a pipe are sent one by one')
    .option('--agent <name>', 'agent of a new session')
    .addOption(
      new Option('--metadata <name=value>', 'metadata of a new session; may be repeated').argParser(parseNameValue),
    )
    .action(async (session: string | undefined, options: ChatOptions) => {
      const { chat } = await import('./talk/chat.ts');
      setExitCode(await chat(deps(), session ?? 'main', options));
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
    .option('--schema <file>', 'JSON Schema of the answer, which is then a JSON object')
    .addOption(attachOption())
    .action(async (text: string | undefined, options) => (await import('./talk/send.ts')).send(deps(), text, options));
  program
    .command('run [text]')
    .description('answer one message without a session')
    .option('--agent <name>', 'agent')
    .option('--schema <file>', 'JSON Schema of the answer, which is then a JSON object')
    .addOption(attachOption())
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for the answer').default(60).argParser(parsePositive),
    )
    .action(async (text: string | undefined, options) =>
      (await import('./talk/run-once.ts')).runOnce(deps(), text, options),
    );
  addOwner(program.command('watch <session>'))
    .description('show the events of a session as they happen')
    .addOption(
      new Option('--after <seq>', 'start after this event').default(0, '0: from the beginning').argParser(parseWhole),
    )
    .option('--children', 'with --json: also the events of the runs that calls of agents have made')
    .action(async (id: string, options: { after: number; children?: boolean } & OwnerOption) => {
      const { watch } = await import('./look/watch.ts');
      setExitCode(await watch(deps(options), id, options.after, options.children));
    });
}

function attachOption(): Option {
  return new Option('--attach <file>', 'send a file with the message; may be repeated').argParser(
    (path: string, before?: readonly string[]) => [...(before ?? []), path],
  );
}

function addReadCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  addSessionFilters(addUserScope(program.command('sessions')))
    .description('list sessions, most recently active first')
    .addOption(
      new Option(
        '--active-since <time>',
        'only sessions active since then, such as 2026-11-01 or 2026-11-01T12:00:00Z',
      ).argParser(parseTime),
    )
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (options) =>
      (await import('./look/sessions.ts')).sessions(deps(), toListFilter(toUserScope(options))),
    );
  addOwner(program.command('session <id>'))
    .description('show a session: status, current run, totals, metadata and state')
    .action(async (id: string, owner: OwnerOption) => (await import('./look/sessions.ts')).session(deps(owner), id));
  addOwner(program.command('transcript <session>'))
    .description('show the conversation as the model receives it')
    .action(async (id: string, owner: OwnerOption) =>
      (await import('./look/show-transcript.ts')).showTranscript(deps(owner), id),
    );
  addListFilters(addUserScope(program.command('runs [session] [run]')), {
    which: 'without a session: only runs ',
    noun: 'admitted',
  })
    .usage('[options] | <session> | <session> <run>')
    .description('list the runs of all sessions or of one, or show one run with its steps and tool calls')
    .addOption(new Option('--order <order>', 'without a session: the order').choices(runOrderSchema.options))
    .addOption(
      new Option(
        '--status <status>',
        'without a session: only runs with this status; open: any that has not ended',
      ).choices(runStatusFilterSchema.options),
    )
    .addOption(new Option('--from <day>', 'without a session: first day, as 2026-11-01 or 7d').argParser(parseDay))
    .addOption(new Option('--to <day>', 'without a session: last day').argParser(parseDay))
    .addOption(new Option('--limit <n>', 'without a session: maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (session: string | undefined, run: string | undefined, options) => {
      if (session === undefined)
        return (await import('./look/list-runs.ts')).listRuns(deps(), toListFilter(toUserScope(options)));
      return (await import('./look/runs.ts')).runs(deps(options), session, run);
    });
  const audit = program
    .command('audit')
    .description('show what operators read and did with your data; for operators, with the data of everybody')
    .option('--of <user>', 'only the data of this user (operators only)')
    .option('--actor <user>', 'only what this operator did')
    .option('--session <id>', 'only this session')
    .addOption(new Option('--from <day>', 'first day in UTC, such as 2026-11-01 or 7d').argParser(parseDay))
    .addOption(new Option('--to <day>', 'last day in UTC').argParser(parseDay))
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async ({ of, ...query }) => (await import('./look/audit.ts')).audit(deps(), { ...query, user: of }));
  audit
    .command('verify')
    .description('verify that no entry was changed or removed (operators and readers only)')
    .option('--since <seq:hash>', 'from an entry that was noted earlier (default: from the oldest)')
    .action(async ({ since }: { since?: string }) => {
      const { parsePosition, verifyAudit } = await import('./act/verify-audit.ts');
      setExitCode(await verifyAudit(deps(), since === undefined ? undefined : parsePosition(since)));
    });
  program
    .command('providers')
    .description('list model providers with their limits, circuits and waiting runs')
    .action(async () => (await import('./look/providers.ts')).providers(deps()));
}

function addCostCommands(program: Command, deps: CreateDeps): void {
  addUserScope(program.command('usage'))
    .description('show the tokens and the cost of model calls')
    .addOption(new Option('--by <what>', 'group by').choices(usageBySchema.options).default('day'))
    .addOption(
      new Option(
        '--from <day>',
        'first day in UTC, such as 2026-11-01 or 7d (default: first day of the month)',
      ).argParser(parseDay),
    )
    .addOption(new Option('--to <day>', 'last day in UTC (default: today)').argParser(parseDay))
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
}

function addControlCommands(program: Command, deps: CreateDeps): void {
  addOwner(program.command('cancel <session> [run]'))
    .description('cancel the current run, or the given one')
    .action(async (id: string, run: string | undefined, owner: OwnerOption) =>
      (await import('./act/cancel.ts')).cancel(deps(owner), id, run),
    );
  addOwner(program.command('resume <session> [run]'))
    .description('resume the latest failed run, or the given one, after its last completed step')
    .action(async (id: string, run: string | undefined, owner: OwnerOption) =>
      (await import('./act/resume.ts')).resume(deps(owner), id, run),
    );
  program
    .command('update <session>')
    .description("change a session's metadata, state or policy")
    .addOption(
      new Option('--metadata <name=value>', 'merge this metadata; may be repeated; an empty value removes').argParser(
        parseNameValue,
      ),
    )
    .option('--state <json>', 'merge this state, such as \'{"app": {"plan": "gold"}}\'; null removes')
    .option('--policy <json>', 'merge this policy, such as \'{"idleTimeoutMs": 3600000}\'; null restores the default')
    .action(async (id: string, options) => (await import('./act/update.ts')).update(deps(), id, options));
  program
    .command('end <session>')
    .description('end a session, which then accepts no more messages')
    .addOption(new Option('--status <status>', 'final status').choices(['completed', 'failed']))
    .option('--reason <text>', 'reason, stored with the session')
    .action(async (id: string, options) => (await import('./act/end.ts')).end(deps(), id, options));
}
