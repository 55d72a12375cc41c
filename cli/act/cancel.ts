import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure cancel <session> [run]`: stops the run that is going, or the one named. */
export async function cancel(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  const target = runId ?? (await deps.client.snapshot(id)).currentRun?.id;
  const cancelled = target === undefined ? { runId: null } : await deps.client.cancel(id, target);
  if (deps.json) return deps.printJson(cancelled);
  deps.print(cancelled.runId === null ? 'No run was going.' : `The run ${cancelled.runId} was told to stop.`);
}
