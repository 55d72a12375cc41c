import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { missingSearchAttributes } from './search-attributes.ts';
import { callServer } from './temporal-call.ts';

/** The newest execution of a workflow. */
export interface WorkflowExecution {
  readonly workflowId: string;
  /** `absent`: Temporal has no execution under the id. */
  readonly status: 'running' | 'over' | 'absent';
  /** Start of the execution; null when absent. */
  readonly startedAt: string | null;
}

/** A workflow task that keeps failing, so that its workflow cannot go on. */
export interface FailingTask {
  readonly attempts: number;
  /** When the task was first scheduled, ISO 8601; null if Temporal does not report it. */
  readonly since: string | null;
}

/** Attempts from which on a workflow task counts as failing: the first ones also fail when a worker dies. */
const FAILING_FROM_ATTEMPT = 3;

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

/** Identities of the workers that polled the task queue within the last 70 s. Rejects when the server does not respond. */
export async function readPollers(client: Client, taskQueue: string): Promise<string[]> {
  const { namespace } = client.options;
  const recent = new Set<string>();
  await callServer(client, async () => {
    const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } });
    for (const { identity, lastAccessTime } of pollers) {
      if (Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - RECENT_POLL_MS) recent.add(identity ?? '');
    }
  });
  return [...recent];
}

/** Whether the server responds and has the namespace. */
export async function isReady(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  return await callServer(client, () => client.workflowService.describeNamespace({ namespace })).catch(() => false);
}

/** Whether the namespace has the search attributes of sessions, without which their workflow tasks fail. Rejects when the server does not respond. */
export async function hasSearchAttributes(client: Client): Promise<boolean> {
  let missing: string[] = [];
  await callServer(client, async () => {
    missing = await missingSearchAttributes(client.connection, client.options.namespace);
  });
  return missing.length === 0;
}

/** The workflow task of the running execution, if it keeps failing; null otherwise. Rejects when the server does not respond within a second. */
export async function readFailingTask(client: Client, workflowId: string): Promise<FailingTask | null> {
  let found: FailingTask | null = null;
  const read = async () => {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    const task = raw.pendingWorkflowTask;
    if (status.name !== 'RUNNING' || !task || (task.attempt ?? 0) < FAILING_FROM_ATTEMPT) return;
    const seconds = task.originalScheduledTime?.seconds;
    const since = seconds ? new Date(Number(seconds) * 1_000).toISOString() : null;
    found = { attempts: (task.attempt ?? 1) - 1, since };
  };
  await callServer(client, read, PROBE_TIMEOUT_MS);
  return found;
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
