import type { Client } from '@temporalio/client';
import type { ServedSessions } from '../../activities/serving/served-sessions.ts';
import { withDeadline } from './with-deadline.ts';

/** Closed executions are visible a moment after they have closed. */
const LOOK_BACK_MS = 15_000;
/** Executions read at once. Those of sessions that others serve are among them. */
const MAX_EXECUTIONS = 1_000;

/**
 * Ends the serving of sessions whose workflow was terminated or has timed out. Temporal would report it with a heartbeat, but
 * those are rare. One read for all sessions of the worker.
 */
export async function stopServingClosed(client: Client, taskQueue: string, sessions: ServedSessions): Promise<void> {
  if (sessions.size === 0) return;
  const since = new Date(Date.now() - LOOK_BACK_MS).toISOString();
  const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus IN ('Terminated', 'TimedOut') AND CloseTime > '${since}'`;
  let read = 0;
  await withDeadline(client, async () => {
    for await (const { runId } of client.workflow.list({ query, pageSize: MAX_EXECUTIONS })) {
      sessions.endExecution(runId);
      if ((read += 1) >= MAX_EXECUTIONS) return;
    }
  });
}
