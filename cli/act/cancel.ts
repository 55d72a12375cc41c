import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure cancel <session> [run]`: cancels the current run, or the given one. */
export async function cancel(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await deps.client.snapshot(id)).currentRun?.id;
  const cancelled = target === undefined ? { runId: null } : await deps.client.cancel(id, target);
  if (deps.json) return deps.printJson(cancelled);
  deps.print(cancelled.runId === null ? 'No run in progress.' : `Cancelling run ${cancelled.runId}.`);
}
