import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { UPDATE, WORKFLOW } from '../contracts/names.ts';
import type { FailedExecutions } from './failed-executions.ts';
import { rescueFailed, rescueStuckWorkflow } from './rescue-stuck-workflow.ts';
import { runWorkflowIdOf, workflowIdOf } from '../contracts/session/session-key.ts';
import {
  listSessionsWithOpenRuns,
  type SessionWithOpenRuns,
} from '../store/admin/sweeps/list-sessions-with-open-runs.ts';
import type { Db } from '../store/db/db.ts';

/** When a session counts as lost, and how often workers check. */
export interface LostWorkflowSettings {
  /** Interval between two checks. Default 30,000 ms. The first check is immediate. */
  readonly everyMs?: number;
  /** Skips sessions that have appended an event within this time. Default 15,000 ms. */
  readonly quietForMs?: number;
}

interface LostWorkflowDeps {
  readonly db: Db;
  readonly client: Client;
  readonly taskQueue: string;
  readonly failed: FailedExecutions;
}

/** Maximum number of sessions in one check. The next check takes the others. */
const MAX_PER_CHECK = 500;

/**
 * Starts the workflow of every session with an open run that has made no progress.
 *
 * - If the workflow is running, the start has no effect.
 * - If it was terminated, failed, or lost with its Temporal server, the new execution reads the open runs from the store.
 * - If it is running but idle, it never received the run: the sender and Temporal failed after the store had committed the
 *   message. An update makes it read the open runs.
 * - If its history can no longer be replayed, it is terminated first, with or without an open run.
 *
 * Every worker does this; concurrent starts are deduplicated by the workflow id.
 */
export function restartLostWorkflows(
  { db, client, taskQueue, failed }: LostWorkflowDeps,
  { everyMs = 30_000, quietForMs = 15_000 }: LostWorkflowSettings,
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
    if (await rescueStuckWorkflow(client, execution)) await start(workflowType, workflowId, kind);
    else if (isIdle(execution)) await requestOpenRuns(client, workflowId);
  };
  const check = async (): Promise<void> => {
    await rescueFailed(client, failed);
    for (const session of await listSessionsWithOpenRuns(db, { quietForMs, limit: MAX_PER_CHECK })) {
      if (stopped.signal.aborted) return;
      // A failure must not block the other sessions.
      await restart(session).catch(() => {});
    }
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      // Temporal or the store may be unavailable: the next check retries.
      await check().catch(() => {});
      await delay(everyMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
}

/** Time limit for the workflow to accept the update. */
const UPDATE_TIMEOUT_MS = 5_000;

/** Whether a workflow is running and has neither a pending workflow task nor a pending activity. */
function isIdle({ status, raw }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' && !raw.pendingWorkflowTask && (raw.pendingActivities?.length ?? 0) === 0;
}

/** Makes a workflow read the open runs from the store: for a session that exists, `openSession` does nothing else. */
async function requestOpenRuns(client: Client, workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
    handle.startUpdate(UPDATE.openSession, { args: [{}], waitForStage: 'ACCEPTED' }),
  );
}
