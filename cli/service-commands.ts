import { Option, type Command } from 'commander';
import { addEnvFile } from './services/env-file.ts';
import type { CreateDeps, OwnerOption } from './shared/command-deps.ts';
import { requireFolder } from './author/require-folder.ts';
import { addOwner } from './shared/user-scope-options.ts';
import { parsePort } from './shared/parse-number.ts';

/** Adds the commands that create a project, and that run or check services, on this machine. */
export function addServiceCommands(
  program: Command,
  env: NodeJS.ProcessEnv,
  deps: CreateDeps,
  setExitCode: (code: number) => void,
): void {
  program
    .command('init [folder]')
    .description('create a project with two agents in a new or empty folder; in an npm project, add the missing files')
    .option('--name <name>', "the package's name (default: the folder's)")
    .action(async (folder: string | undefined, options: { name?: string }) => {
      const { init } = await import('./init/init.ts');
      await init(deps(), folder ?? '.', options);
    });
  addAgentsOption(program.command('start'))
    .description('run worker, gateway, Temporal and store in one process until Ctrl-C')
    .addOption(new Option('--port <port>', 'port of the gateway (default: PERDURE_PORT, or 4747)').argParser(parsePort))
    .option('--data <dir>', "folder of the store's and Temporal's files (default: PERDURE_DATA, or .perdure)")
    .option('--model <provider/model>', 'model of agents that name none (default: PERDURE_MODEL, or what is reachable)')
    .option('--ui', "serve Temporal's UI, which shows every message to anyone on this machine")
    .option('--memory', 'keep everything in memory, for tests and demos: all of it is lost at the end')
    .option('--no-reload', 'do not reload agents when their files change')
    .action(async ({ reload, ui = false, memory = false, ...options }: StartOptions) => {
      addEnvFile(env);
      const { start } = await import('./services/start.ts');
      setExitCode(await start(withStartOptions(withAgents(env, options), options), { reload, ui, memory }));
    });
  addOwner(program.command('open [name]'))
    .usage('[options] [session | run]')
    .description("print the address of a session's or a run's page in the Temporal UI, and on a desktop open it")
    .option('--no-browser', 'print the address only')
    .action(async (name: string | undefined, { browser, ...owner }: { browser: boolean } & OwnerOption) => {
      addEnvFile(env);
      const { openUi } = await import('./services/open-ui.ts');
      await openUi(deps(owner), env, name, { browser });
    });
  for (const role of ['worker', 'gateway'] as const) {
    addAgentsOption(program.command(role))
      .description(`run only a ${role}, for production; requires DATABASE_URL and TEMPORAL_ADDRESS`)
      .action(async (options: AgentsOption) => {
        const { startOne } = await import('./services/start-one.ts');
        setExitCode(await startOne(role, withAgents(env, options)));
      });
  }
  addAgentsOption(program.command('doctor'))
    .description(
      'check Node, settings, agents, Temporal, workers, store, model, gateway and ports, and suggest remedies',
    )
    .action(async (options: AgentsOption) => {
      addEnvFile(env);
      const { doctor } = await import('./doctor/doctor.ts');
      setExitCode(await doctor(deps(), withAgents(env, options)));
    });
}

interface AgentsOption {
  readonly agents?: string;
}

interface StartOptions extends AgentsOption {
  readonly reload: boolean;
  readonly ui?: boolean;
  readonly memory?: boolean;
  readonly port?: number;
  readonly data?: string;
  readonly model?: string;
}

/** The environment with these options in place of their variables. */
function withStartOptions(
  env: NodeJS.ProcessEnv,
  { port, data, model }: Pick<StartOptions, 'port' | 'data' | 'model'>,
): NodeJS.ProcessEnv {
  return {
    ...env,
    ...(port === undefined ? {} : { PERDURE_PORT: String(port) }),
    ...(data === undefined ? {} : { PERDURE_DATA: data }),
    ...(model === undefined ? {} : { PERDURE_MODEL: model }),
  };
}

function addAgentsOption(command: Command): Command {
  return command.addOption(new Option('--agents <dir>', 'the folder of agents (default: PERDURE_AGENTS, or agents)'));
}

/** The environment with the folder that `--agents` names, which must exist. */
function withAgents(env: NodeJS.ProcessEnv, { agents }: AgentsOption): NodeJS.ProcessEnv {
  if (agents === undefined) return env;
  requireFolder(agents, `--agents ${agents}`);
  return { ...env, PERDURE_AGENTS: agents };
}
