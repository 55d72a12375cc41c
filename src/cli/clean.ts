import { cleanUp } from '../client/clean-up.ts';
import type { Cli } from './cli.ts';
import { count, harmless, table } from './show-text.ts';

interface CleanOptions {
  readonly idle?: number;
  readonly older?: number;
  readonly dryRun?: boolean;
}

/** `perdure clean`: what was done to which session, and why. */
export async function clean(cli: Cli, { idle: idleMs, older: olderMs, dryRun }: CleanOptions): Promise<void> {
  const sweep = await cleanUp(cli.client, {
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(olderMs === undefined ? {} : { olderMs }),
    ...(dryRun === undefined ? {} : { dryRun }),
  });
  if (cli.json) return cli.printJson(sweep);
  const rows = sweep.actions.map(({ session, action, reason }) => [harmless(session), action, harmless(reason)]);
  const heading = ['SESSION', dryRun ? 'WOULD BE' : 'DONE', 'WHY'];
  if (rows.length > 0) for (const line of table([heading, ...rows])) cli.print(line);
  const done = Object.entries(sweep.counts).map(([action, sessions]) => `${sessions} ${action}`);
  cli.print(`Looked at ${count(sweep.seen, 'session')}: ${done.join(', ') || 'nothing to do'}.`);
}
