import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { resolveRun } from '../shared/resolve-run.ts';
import { withSession } from '../shared/with-session.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure resume <session> [run]`: resumes the latest failed run, or the given one, after its last completed step. */
export async function resume(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const { session, run } = await withSession(deps, id, async (found) => {
    const target =
      runId === undefined ? await latestFailedRun(deps, found) : await resolveRun(deps.client, found, runId);
    await deps.client.resume(found, target);
    return { session: found, run: target };
  });
  if (deps.json) return deps.printJson({ runId: run });
  deps.hint(
    `Resuming run ${stripControl(run)} after its last completed step. Follow it with: perdure watch ${shellQuote(stripControl(session))}`,
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
