import { Option, type Command } from 'commander';
import { packageVersion } from '../assets/package-files.ts';
import { addEnvFile } from './services/env-file.ts';
import type { CheckHistoriesOptions } from './services/check-histories.ts';
import type { CreateDeps } from './shared/command-deps.ts';
import { parseTime } from './shared/parse-filter.ts';
import { parseSample, parseWhole } from './shared/parse-number.ts';

/** Adds the commands for a deploy. They call Temporal themselves. */
export function addUpgradeCommands(
  program: Command,
  env: NodeJS.ProcessEnv,
  deps: CreateDeps,
  setExitCode: (code: number) => void,
): void {
  program
    .command('check-histories')
    .description('replay a sample of open sessions with this build, before a deploy; exit code 1 if one differs')
    .addOption(
      new Option('--sample <n>', 'number of histories: the oldest, the longest, the newest and random ones')
        .default(100)
        .argParser(parseSample),
    )
    .option('--namespace <name>', 'namespace in Temporal (default: TEMPORAL_NAMESPACE, or "default")')
    .option('--task-queue <name>', 'task queue of the workers (default: "perdure")')
    .addOption(
      new Option('--since <time>', 'only workflows started since then, such as 2026-11-01 or 7d').argParser(parseTime),
    )
    .addOption(
      new Option('--seed <n>', 'determines the random ones; printed with the result (default: random)').argParser(
        parseWhole,
      ),
    )
    .action(async (options: Omit<CheckHistoriesOptions, 'version'>) => {
      addEnvFile(env);
      const { checkHistories } = await import('./services/check-histories.ts');
      setExitCode(await checkHistories(deps(), env, { ...options, version: packageVersion() }));
    });
  const deploy = program
    .command('deploy')
    .description('with PERDURE_BUILD_ID: show the builds of workers, and which of them is current')
    .action(async () => {
      addEnvFile(env);
      await (await import('./services/deploy.ts')).deployStatus(deps(), env);
    });
  deploy
    .command('status')
    .description('list the builds, with the number of open workflows on each')
    .action(async () => {
      addEnvFile(env);
      await (await import('./services/deploy.ts')).deployStatus(deps(), env);
    });
  deploy
    .command('promote <build>')
    .description('make a build current: new sessions start on it; promote the earlier one to roll back')
    .action(async (build: string) => {
      addEnvFile(env);
      await (await import('./services/deploy.ts')).deployPromote(deps(), env, build);
    });
  deploy
    .command('move')
    .description('ask the sessions of other builds to move to the current one as soon as nothing is in progress')
    .action(async () => {
      addEnvFile(env);
      await (await import('./services/deploy.ts')).deployMove(deps(), env);
    });
}
