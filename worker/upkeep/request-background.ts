import type { Client } from '@temporalio/client';
import type { ActivityDeps } from '../../activities/shared/deps.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { SIGNAL } from '../../contracts/names.ts';
import { listSessionsInBackground } from '../../store/admin/sweeps/list-sessions-in-background.ts';
import type { SessionWithOpenRuns } from '../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import type { SessionPosition } from '../../store/admin/sweeps/sweeps.ts';
import { sessionWorkflow } from '../session-workflow.ts';

/** Time limit of the signal. */
const SIGNAL_TIMEOUT_MS = 5_000;
const SESSIONS_PER_PAGE = 500;

/** Returns a function that signals the workflow of a session with calls left for the background, and starts it if it is not running. Failures are ignored. */
export function backgroundRequester(client: Client, taskQueue: string): ActivityDeps['requestBackground'] {
  return async (session) => {
    const { workflowType, ...workflow } = sessionWorkflow(session);
    const options = { ...workflow, taskQueue, signal: SIGNAL.afterRuns, signalArgs: [] };
    const signal = () => client.workflow.signalWithStart(workflowType, options);
    await client.withDeadline(Date.now() + SIGNAL_TIMEOUT_MS, signal).catch(() => {});
  };
}

/**
 * Signals the workflows of one page of the sessions whose calls in the background have been left for `quietForMs`: the signal was lost, or
 * the activity has ended without them. Returns where the next page begins; null after the last one.
 */
export async function requestLostBackground(
  { db, client, taskQueue }: Pick<ActivityDeps, 'db'> & { readonly client: Client; readonly taskQueue: string },
  { after, quietForMs }: { readonly after: SessionPosition | null; readonly quietForMs: number },
  signal: AbortSignal,
): Promise<SessionPosition | null> {
  const request = backgroundRequester(client, taskQueue);
  // After twice the time in which calls are made, even what is skipped could not be recorded.
  const endsAfterMs = 2 * LIMITS.backgroundMs.value;
  const page: SessionWithOpenRuns[] = await listSessionsInBackground(db, {
    quietForMs,
    endsAfterMs,
    after,
    limit: SESSIONS_PER_PAGE,
  });
  for (const session of page) {
    if (signal.aborted) return after;
    await request(session);
  }
  const last = page.at(-1);
  return last && page.length === SESSIONS_PER_PAGE ? [last.key.user, last.key.session] : null;
}
