import type { CommandDeps } from '../shared/command-deps.ts';
import { withWholeSessionId } from '../shared/with-session.ts';
import { resolveRun } from '../shared/resolve-run.ts';

/** `perdure cancel <session> [run]`: cancels the current run, or the given one. */
export async function cancel(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const cancelled = await withWholeSessionId(deps, id, async (whole) => {
    const target =
      runId === undefined
        ? (await deps.client.snapshot(whole)).currentRun?.id
        : await resolveRun(deps.client, whole, runId);
    return target === undefined ? { runId: null } : deps.client.cancel(whole, target);
  });
  if (deps.json) return deps.printJson(cancelled);
  deps.print(cancelled.runId === null ? 'No run in progress.' : `Cancelling run ${cancelled.runId}.`);
}
