import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure resume <session> [run]`: the run named, or the newest that failed, goes on after its last completed step. */
export async function resume(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await newestFailed(deps, id));
  await deps.client.resume(id, target);
  if (deps.json) return deps.printJson({ runId: target });
  deps.print(
    `The run ${stripControl(target)} goes on after its last completed step. See it: perdure watch ${stripControl(id)}`,
  );
}

async function newestFailed(deps: CommandDeps, id: string): Promise<string> {
  const { data } = await deps.client.runs(id);
  const failed = data.find(({ status }) => status === 'failed');
  if (failed !== undefined) return failed.id;
  throw new CliError(
    `No run of the session ${id} failed of late. Name one that \`perdure runs ${id}\` lists.`,
    EXIT.refused,
  );
}
