import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;
type Signal = NonNullable<Events[number]['workflowExecutionSignaledEventAttributes']>;

/** A workflow task that was given out so often has failed before, and not by chance. */
const TRIES = 3;

/** How the workflow is started. */
interface Start {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
}

/** Whether an execution's workflow task is tried again and again. */
export function mayBeStuck({ status, raw }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' && (raw.pendingWorkflowTask?.attempt ?? 0) >= TRIES;
}

/**
 * Ends an execution whose history can no longer be replayed, and starts it anew from the store. Signals that it had not
 * taken in yet are delivered again; those with a message id can be without harm. Resolves with whether it did so: not for
 * one that never got anywhere, since another start would not either.
 */
export async function rescueSession(client: Client, start: Start, executionId: string): Promise<boolean> {
  const handle = client.workflow.getHandle(start.workflowId, executionId);
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
      workflowId: start.workflowId,
      workflowType: { name: start.workflowType },
      taskQueue: { name: start.taskQueue },
      requestId: crypto.randomUUID(),
      signalName: signalName ?? '',
      ...(input ? { signalInput: input } : {}),
      ...(header ? { header } : {}),
    });
  }
  return true;
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
