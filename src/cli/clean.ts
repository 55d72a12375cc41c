import { cleanUp } from '../client/clean-up.ts';
import type { Cli } from './cli.ts';
import { sweepLines } from './sweeps.ts';

interface CleanOptions {
  readonly idle?: number;
  readonly older?: number;
  readonly dryRun?: boolean;
  readonly of?: string;
  readonly allUsers?: boolean;
}

/** `perdure clean`: what was done to which session, and why. */
export async function clean(cli: Cli, { idle, older, dryRun, of, allUsers }: CleanOptions): Promise<void> {
  const sweep = await cleanUp(cli.client, {
    ...(idle === undefined ? {} : { idleMs: idle }),
    ...(older === undefined ? {} : { olderMs: older }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(of === undefined ? {} : { user: of }),
    ...(allUsers === undefined ? {} : { all: allUsers }),
  });
  if (cli.json) return cli.printJson(sweep);
  for (const line of sweepLines(sweep, allUsers)) cli.print(line);
  if (sweep.nextCursor !== null) cli.print(`More: perdure sweeps ${sweep.id} --cursor ${sweep.nextCursor}`);
}
