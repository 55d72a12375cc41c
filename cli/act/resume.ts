import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { shellQuote } from '../render/shell-quote.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure resume <session> [run]`: resumes the latest failed run, or the given one, after its last completed step. */
export async function resume(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await latestFailedRun(deps, id));
  await deps.client.resume(id, target);
  if (deps.json) return deps.printJson({ runId: target });
  deps.print(
    `Resuming run ${stripControl(target)} after its last completed step. Follow it with: perdure watch ${shellQuote(stripControl(id))}`,
  );
}

async function latestFailedRun(deps: CommandDeps, id: string): Promise<string> {
  const { data } = await deps.client.runs(id);
  const failed = data.find(({ status }) => status === 'failed');
  if (failed !== undefined) return failed.id;
  throw new CliError(
    `No recent run of session ${id} failed. List its runs with: perdure runs ${shellQuote(id)}`,
    EXIT.refused,
  );
}
