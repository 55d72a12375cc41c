import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { callServer } from './temporal-call.ts';

/** The newest execution of a workflow. */
export interface WorkflowExecution {
  readonly workflowId: string;
  /** `absent`: Temporal has no execution under the id. */
  readonly status: 'running' | 'over' | 'absent';
  /** Start of the execution; null when absent. */
  readonly startedAt: string | null;
}

/** Limit where the caller can continue without the result. */
const PROBE_TIMEOUT_MS = 1_000;
/** A poll lasts at most a minute; Temporal lists pollers for five. */
const RECENT_POLL_MS = 70_000;

/** The newest execution of each workflow. Rejects when the server does not respond within a second. */
export async function readExecutions(client: Client, workflowIds: readonly string[]): Promise<WorkflowExecution[]> {
  const found: WorkflowExecution[] = [];
  const readAll = async () => {
    found.push(...(await Promise.all(workflowIds.map((id) => readExecution(client, id)))));
  };
  await callServer(client, readAll, PROBE_TIMEOUT_MS);
  return found;
}

/** Number of workers that polled the task queue within the last 70 s. Rejects when the server does not respond. */
export async function countWorkers(client: Client, taskQueue: string): Promise<number> {
  const { namespace } = client.options;
  const recent = new Set<string>();
  await callServer(client, async () => {
    const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } });
    for (const { identity, lastAccessTime } of pollers) {
      if (Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - RECENT_POLL_MS) recent.add(identity ?? '');
    }
  });
  return recent.size;
}

/** Whether the server responds and has the namespace. */
export async function isReady(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  return await callServer(client, () => client.workflowService.describeNamespace({ namespace })).catch(() => false);
}

async function readExecution(client: Client, workflowId: string): Promise<WorkflowExecution> {
  try {
    const { status, startTime } = await client.workflow.getHandle(workflowId).describe();
    const isOpen = status.name === 'RUNNING' || status.name === 'PAUSED';
    return { workflowId, status: isOpen ? 'running' : 'over', startedAt: startTime.toISOString() };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { workflowId, status: 'absent', startedAt: null };
    throw error;
  }
}
