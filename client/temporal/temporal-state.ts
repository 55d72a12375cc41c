import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { callServer } from './temporal-call.ts';

/** The newest execution of a workflow. */
export interface Execution {
  readonly workflowId: string;
  /** `absent`: Temporal knows of none. */
  readonly status: 'running' | 'over' | 'absent';
  /** When that execution began; null when absent. */
  readonly startedAt: string | null;
}

/** How long it may take where the caller goes on without it. */
const LOOK_TIMEOUT_MS = 1_000;
/** Temporal remembers who polled for five minutes; a poll lasts one at most. */
const POLLED_MS = 70_000;

/** Whether each of these workflows runs. Rejects when the server does not answer at once. */
export async function readExecutions(client: Client, workflowIds: readonly string[]): Promise<Execution[]> {
  const found: Execution[] = [];
  const ask = async () => {
    found.push(...(await Promise.all(workflowIds.map((id) => executionOf(client, id)))));
  };
  await callServer(client, ask, LOOK_TIMEOUT_MS);
  return found;
}

/** Workers that asked the task queue for work within the last 70 s. Rejects when the server does not answer. */
export async function countWorkers(client: Client, taskQueue: string): Promise<number> {
  const { namespace } = client.options;
  const recent = new Set<string>();
  await callServer(client, async () => {
    const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } });
    for (const { identity, lastAccessTime } of pollers) {
      if (Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - POLLED_MS) recent.add(identity ?? '');
    }
  });
  return recent.size;
}

/** Whether the server answers and has the namespace. */
export async function isReady(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  return await callServer(client, () => client.workflowService.describeNamespace({ namespace })).catch(() => false);
}

async function executionOf(client: Client, workflowId: string): Promise<Execution> {
  try {
    const { status, startTime } = await client.workflow.getHandle(workflowId).describe();
    const runs = status.name === 'RUNNING' || status.name === 'PAUSED';
    return { workflowId, status: runs ? 'running' : 'over', startedAt: startTime.toISOString() };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { workflowId, status: 'absent', startedAt: null };
    throw error;
  }
}
