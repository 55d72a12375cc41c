import type { Client } from '@temporalio/client';
import { dueInMs } from '../../activities/session/expire-session.ts';
import type { ActivityDeps } from '../../activities/shared/deps.ts';
import { SIGNAL } from '../../contracts/names.ts';
import { listActiveSessions } from '../../store/admin/sweeps/list-active-sessions.ts';
import type { SessionPosition } from '../../store/admin/sweeps/sweeps.ts';
import { sessionWorkflow } from '../session-workflow.ts';

const SESSIONS_PER_PAGE = 1_000;

interface OverdueDeps extends Pick<ActivityDeps, 'db' | 'agents' | 'deployment'> {
  readonly client: Client;
  readonly taskQueue: string;
}

/**
 * Wakes the workflows of idle sessions that should have expired `overdueMs` ago, in one page of the active sessions: their timers were lost
 * with their workflows. A workflow that is not running starts, and expires the session. Returns where the next page
 * begins; null after the last one.
 */
export async function wakeOverdueSessions(
  { client, taskQueue, ...deps }: OverdueDeps,
  { after, overdueMs }: { readonly after: SessionPosition | null; readonly overdueMs: number },
  signal: AbortSignal,
): Promise<SessionPosition | null> {
  const page = await listActiveSessions(deps.db, { after, limit: SESSIONS_PER_PAGE, overdueMs });
  for (const { key, facts } of page) {
    // Only a worker that has the agent knows its policy.
    if (signal.aborted || !deps.agents.agent(facts.agent) || dueInMs(deps, facts) > 1) continue;
    const { workflowType, ...workflow } = sessionWorkflow({ key, kind: 'session' });
    const wake = client.workflow.signalWithStart(workflowType, {
      ...workflow,
      taskQueue,
      signal: SIGNAL.checkExpiry,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
    // A failure must not block the other sessions. The next round tries again.
    await wake.catch(() => {});
  }
  const last = page.at(-1);
  return last && page.length === SESSIONS_PER_PAGE ? [last.key.user, last.key.session] : null;
}
