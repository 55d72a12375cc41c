import type { Command } from 'commander';
import type { CommandDeps } from './shared/command-deps.ts';

/** Adds the commands that run or check services on this machine. */
export function addServiceCommands(
  program: Command,
  env: NodeJS.ProcessEnv,
  deps: () => CommandDeps,
  setExitCode: (code: number) => void,
): void {
  program
    .command('start')
    .description('run worker, gateway, Temporal and store in one process until Ctrl-C')
    .action(async () => {
      const { start } = await import('./services/start.ts');
      setExitCode(await start(env));
    });
  for (const what of ['worker', 'gateway'] as const) {
    program
      .command(what)
      .description(`run only a ${what}, for production; requires DATABASE_URL and TEMPORAL_ADDRESS`)
      .action(async () => {
        const { startOne } = await import('./services/start-one.ts');
        setExitCode(await startOne(what, env));
      });
  }
  program
    .command('doctor')
    .description('check Node, Temporal, workers, store, model, gateway and ports, and suggest remedies')
    .action(async () => {
      const { doctor } = await import('./doctor/doctor.ts');
      setExitCode(await doctor(deps(), env));
    });
}
