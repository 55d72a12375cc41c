import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { UPDATE, WORKFLOW } from '../contracts/names.ts';
import type { FailedExecutions } from './failed-executions.ts';
import { rescueFailed, rescueSession } from './rescue-session.ts';
import { runWorkflowIdOf, workflowIdOf } from '../contracts/session/session-key.ts';
import {
  listSessionsWithOpenRuns,
  type SessionWithOpenRuns,
} from '../store/admin/sweeps/list-sessions-with-open-runs.ts';
import type { Db } from '../store/db/db.ts';

/** How often lost sessions are looked for. */
export interface LostSessionSettings {
  /** Default 30,000 ms. The first look is at once. */
  readonly everyMs?: number;
  /** A session that has appended something within this time is not looked at. Default 15,000 ms. */
  readonly quietForMs?: number;
}

interface LostSessionParts {
  readonly db: Db;
  readonly client: Client;
  readonly taskQueue: string;
  readonly failed: FailedExecutions;
}

/** Sessions looked at in one round; the others have their turn in the next. */
const ROUND = 500;

/**
 * Starts the workflow of every session whose run is open in the store and stands still. Where the workflow runs, as
 * it mostly does, that changes nothing; where it was terminated, failed, or lost with its Temporal server, it asks the
 * store what is open and goes on. Where it runs and does nothing it has not heard of the run (its sender and Temporal
 * died right after the store had the message), and is told to ask. One whose history can no longer be replayed is ended
 * first, whether it has a run open or not. Every worker looks: a start that comes second finds the first.
 */
export function restartLostSessions(
  { db, client, taskQueue, failed }: LostSessionParts,
  { everyMs = 30_000, quietForMs = 15_000 }: LostSessionSettings,
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const start = (workflowType: string, workflowId: string, kind: SessionWithOpenRuns['kind']) =>
    client.workflow.start(workflowType, {
      workflowId,
      taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: kind === 'run' ? 'One-off run' : 'Agent session',
    });
  const restart = async ({ key, kind }: SessionWithOpenRuns): Promise<void> => {
    const workflowType = kind === 'run' ? WORKFLOW.run : WORKFLOW.session;
    const workflowId = kind === 'run' ? runWorkflowIdOf(key) : workflowIdOf(key);
    const execution = await (await start(workflowType, workflowId, kind)).describe();
    if (await rescueSession(client, execution)) await start(workflowType, workflowId, kind);
    else if (isAtRest(execution)) await lookAgain(client, workflowId);
  };
  const look = async (): Promise<void> => {
    await rescueFailed(client, failed);
    for (const session of await listSessionsWithOpenRuns(db, { quietForMs, limit: ROUND })) {
      if (stopped.signal.aborted) return;
      // One that cannot be restarted does not keep the others waiting.
      await restart(session).catch(() => {});
    }
  };
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      // Temporal or the store may be away: the next round looks again.
      await look().catch(() => {});
      await delay(everyMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await looking;
    },
  };
}

/** How long a workflow may take to hear that it is to ask the store. */
const HEARD_MS = 5_000;

/** Whether a workflow waits for something to do. */
function isAtRest({ status, raw }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' && !raw.pendingWorkflowTask && (raw.pendingActivities?.length ?? 0) === 0;
}

/** To open a session that is there changes nothing but that its workflow asks the store which runs are open. */
async function lookAgain(client: Client, workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await client.withDeadline(Date.now() + HEARD_MS, () =>
    handle.startUpdate(UPDATE.openSession, { args: [{}], waitForStage: 'ACCEPTED' }),
  );
}
