import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { WORKFLOW } from '../contracts/names.ts';
import type { FailedExecutions } from './failed-executions.ts';

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;
type Signal = NonNullable<Events[number]['workflowExecutionSignaledEventAttributes']>;

/** A workflow task that was given out so often has failed before, and not by chance. */
const TRIES = 3;
const OURS: ReadonlySet<string> = new Set(Object.values(WORKFLOW));

/**
 * Ends an execution whose history can no longer be replayed; its session goes on from the store. Signals that it had not
 * taken in yet are delivered again; those with a message id can be without harm. Resolves with whether it did so: not for
 * one that never got anywhere, since another start would not either.
 */
export async function rescueSession(client: Client, execution: WorkflowExecutionDescription): Promise<boolean> {
  const { workflowId, runId, type, taskQueue, status } = execution;
  if (status.name !== 'RUNNING' || tries(execution) < TRIES) return false;
  const handle = client.workflow.getHandle(workflowId, runId);
  const events = (await handle.fetchHistory()).events ?? [];
  if (!isStuck(events)) return false;
  try {
    await handle.terminate('Its history could not be replayed. It goes on from the store.');
  } catch (error) {
    // Another worker was first.
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
  for (const { signalName, input, header } of untaken(events)) {
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

/** The same for executions that were heard to fail. One that has failed less often, or cannot be asked about now, is remembered. */
export async function rescueFailed(client: Client, failed: FailedExecutions): Promise<void> {
  for (const runId of failed.take()) {
    if (await rescueByRunId(client, runId).catch(() => true)) failed.add(runId);
  }
}

/** Resolves with whether to look at it again. */
async function rescueByRunId(client: Client, runId: string): Promise<boolean> {
  const query = `RunId = '${runId}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, type } of client.workflow.list({ query })) {
    if (!OURS.has(type)) return false;
    const execution = await client.workflow.getHandle(workflowId, runId).describe();
    return !(await rescueSession(client, execution)) && tries(execution) > 1;
  }
  return false;
}

/** Times that the workflow task was given out which is not completed yet. */
function tries({ raw }: WorkflowExecutionDescription): number {
  return raw.pendingWorkflowTask?.attempt ?? 0;
}

function isStuck(events: Events): boolean {
  const last = events.findLast(
    (event) => event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  return Boolean(last?.workflowTaskFailedEventAttributes) && lastTaken(events) >= 0;
}

/** Where the newest workflow task ended that was not in vain. */
function lastTaken(events: Events): number {
  return events.findLastIndex(({ workflowTaskCompletedEventAttributes: completed }) => completed);
}

/** Signals that came after. One that came before may still have been on its way to the store, which knows it by its id. */
function untaken(events: Events): Signal[] {
  return events.slice(lastTaken(events) + 1).flatMap((event) => event.workflowExecutionSignaledEventAttributes ?? []);
}
