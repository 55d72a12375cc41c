import { Option, type Command } from 'commander';
import type { CreateDeps } from './shared/command-deps.ts';
import { parseOrdinal, parseShare } from './shared/parse-number.ts';
import { requireFolder } from './author/require-folder.ts';

/** Adds the commands about agents: the deployment's, and the templates of a folder. */
export function addAgentCommands(
  program: Command,
  env: NodeJS.ProcessEnv,
  deps: CreateDeps,
  setExitCode: (code: number) => void,
): void {
  const agents = program
    .command('agents')
    .description('list agents; with a subcommand, create or check templates')
    .action(async () => (await import('./look/agents.ts')).agents(deps()));
  agents
    .command('new <name>')
    .description('write a template to the folder of agents (PERDURE_AGENTS, or agents)')
    .option('--ts', 'a TypeScript module with a tool, instead of YAML')
    .action(async (name: string, options: { ts?: boolean }) =>
      (await import('./author/new-agent.ts')).newAgent(deps(), await agentsFolder(env), name, options),
    );
  agents
    .command('check [folder]')
    .description('load the templates of a folder as a worker does, and report every problem')
    .action(async (folder: string | undefined) => {
      if (folder !== undefined) requireFolder(folder, folder);
      const { checkAgents } = await import('./author/check-agents.ts');
      setExitCode(await checkAgents(deps(), folder ?? (await agentsFolder(env)), env));
    });
  agents
    .command('versions <name>')
    .description('show the versions of an agent side by side, and who has which (operators only)')
    .addOption(new Option('--days <n>', 'of the statistics').default(7).argParser(parseOrdinal))
    .action(async (name: string, { days }: { days: number }) =>
      (await import('./act/agent-release.ts')).agentVersions(deps(), name, days),
    );
  agents
    .command('release <name>')
    .description('give a version to a share of users; 0% before a deploy keeps everybody on theirs (operators only)')
    .addOption(
      new Option('--to <share>', 'share of users, such as 10%; 100% ends the release')
        .argParser(parseShare)
        .makeOptionMandatory(),
    )
    .option('--candidate <version>', "version to release (default: the workers')")
    .action(async (name: string, { to, candidate }: { to: number; candidate?: string }) =>
      (await import('./act/agent-release.ts')).releaseAgent(deps(), name, { to, version: candidate }),
    );
  agents
    .command('rollback <name>')
    .description('return all users of an agent to the version before its release (operators only)')
    .action(async (name: string) => (await import('./act/agent-release.ts')).rollBackAgent(deps(), name));
  agents
    .command('schema')
    .description('print the JSON Schema of YAML templates, for editors')
    .action(async () => deps().print((await import('./author/editor-schema.ts')).editorSchema().trimEnd()));
}

async function agentsFolder(env: NodeJS.ProcessEnv): Promise<string> {
  return (await import('./services/settings.ts')).readSettings(env).agentsDir;
}
