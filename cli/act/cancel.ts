import type { Cli } from '../shared/cli.ts';

/** `perdure cancel <session> [run]`: stops the run that is going, or the one named. */
export async function cancel(cli: Cli, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await cli.client.snapshot(id)).currentRun?.id;
  const cancelled = target === undefined ? { runId: null } : await cli.client.cancel(id, target);
  if (cli.json) return cli.printJson(cancelled);
  cli.print(cancelled.runId === null ? 'No run was going.' : `The run ${cancelled.runId} was told to stop.`);
}
