import type { Cli } from '../shared/cli.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { harmless } from '../render/show-text.ts';

/** `perdure resume <session> [run]`: the run named, or the newest that failed, goes on after its last completed step. */
export async function resume(cli: Cli, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await newestFailed(cli, id));
  await cli.client.resume(id, target);
  if (cli.json) return cli.printJson({ runId: target });
  cli.print(`The run ${harmless(target)} goes on after its last completed step. See it: perdure watch ${harmless(id)}`);
}

async function newestFailed(cli: Cli, id: string): Promise<string> {
  const { data } = await cli.client.runs(id);
  const failed = data.find(({ status }) => status === 'failed');
  if (failed !== undefined) return failed.id;
  throw new CliError(
    `No run of the session ${id} failed of late. Name one that \`perdure runs ${id}\` lists.`,
    EXIT.refused,
  );
}
