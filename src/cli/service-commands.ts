import type { Command } from 'commander';
import type { Cli } from './cli.ts';

/** The commands that run or check services on this machine. */
export function addServiceCommands(
  program: Command,
  env: NodeJS.ProcessEnv,
  cli: () => Cli,
  setExitCode: (code: number) => void,
): void {
  program
    .command('doctor')
    .description('check Node, Temporal, store, model and ports, each with a remedy')
    .action(async () => {
      const { doctor } = await import('./doctor.ts');
      setExitCode(await doctor(cli(), env));
    });
}
