import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { WORKFLOW } from '../contracts/names.ts';
import type { FailedExecutions } from './failed-executions.ts';

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;
type Signal = NonNullable<Events[number]['workflowExecutionSignaledEventAttributes']>;

/** From this attempt on, the failure of a workflow task is taken for permanent. */
const PERMANENT_FROM_ATTEMPT = 3;
const WORKFLOW_TYPES: ReadonlySet<string> = new Set(Object.values(WORKFLOW));

/**
 * Terminates an execution whose history can no longer be replayed; its session continues from the store. Signals that it
 * had not processed are sent again, which is harmless for messages with an id. Returns whether it terminated the execution.
 * It does not if no workflow task has ever completed, because a new execution would fail in the same way.
 */
export async function rescueStuckWorkflow(client: Client, execution: WorkflowExecutionDescription): Promise<boolean> {
  const { workflowId, runId, type, taskQueue, status } = execution;
  if (status.name !== 'RUNNING' || taskAttempt(execution) < PERMANENT_FROM_ATTEMPT) return false;
  const handle = client.workflow.getHandle(workflowId, runId);
  const events = (await handle.fetchHistory()).events ?? [];
  if (!isStuck(events)) return false;
  try {
    await handle.terminate('The history could not be replayed. The session continues from the store.');
  } catch (error) {
    // Another worker has terminated it.
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
  for (const { signalName, input, header } of unprocessedSignals(events)) {
    await client.workflowService.signalWithStartWorkflowExecution({
      namespace: client.options.namespace,
      workflowId,
      workflowType: { name: type },
      taskQueue: { name: taskQueue },
      requestId: crypto.randomUUID(),
      signalName: signalName ?? '',
      ...(input ? { signalInput: input } : {}),
      ...(header ? { header } : {}),
    });
  }
  return true;
}

/** As {@link rescueStuckWorkflow}, for executions that the log reported. Keeps those that failed less often or cannot be read now. */
export async function rescueFailed(client: Client, failed: FailedExecutions): Promise<void> {
  for (const runId of failed.drain()) {
    if (await rescueByRunId(client, runId).catch(() => true)) failed.add(runId);
  }
}

/** Returns whether to check the execution again. */
async function rescueByRunId(client: Client, runId: string): Promise<boolean> {
  const query = `RunId = '${runId}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, type } of client.workflow.list({ query })) {
    if (!WORKFLOW_TYPES.has(type)) return false;
    const execution = await client.workflow.getHandle(workflowId, runId).describe();
    return !(await rescueStuckWorkflow(client, execution)) && taskAttempt(execution) > 1;
  }
  return false;
}

/** The attempt of the pending workflow task; 0 if there is none. */
function taskAttempt({ raw }: WorkflowExecutionDescription): number {
  return raw.pendingWorkflowTask?.attempt ?? 0;
}

function isStuck(events: Events): boolean {
  const last = events.findLast(
    (event) => event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  return Boolean(last?.workflowTaskFailedEventAttributes) && lastCompletedTask(events) >= 0;
}

/** The index of the last workflow task that completed; -1 if none has. */
function lastCompletedTask(events: Events): number {
  return events.findLastIndex(({ workflowTaskCompletedEventAttributes: completed }) => completed);
}

/** The signals after the last completed workflow task. A task that then failed may have admitted some: the store recognises their ids. */
function unprocessedSignals(events: Events): Signal[] {
  return events
    .slice(lastCompletedTask(events) + 1)
    .flatMap((event) => event.workflowExecutionSignaledEventAttributes ?? []);
}
