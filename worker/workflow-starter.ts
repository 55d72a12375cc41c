import {
  isGrpcCancelledError,
  isGrpcDeadlineError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { WorkflowStarter } from '../activities/shared/temporal/workflow-starter.ts';
import { ToolError } from '../agents/define-tool.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 10_000;

/** Starts the workflows of tools with a Temporal client. `sliceMs`: time limit of one call that waits for a result; default 10,000. */
export function workflowStarter(client: Client, { sliceMs = 10_000 } = {}): WorkflowStarter {
  const withTimeout = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + TIMEOUT_MS, call);
  return {
    async start({ workflowId, type, taskQueue, args, timeoutMs, startedBy }) {
      const start = () =>
        client.workflow.start(type, {
          workflowId,
          taskQueue,
          args: [...args],
          // A workflow with this id was started by an earlier attempt.
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          staticSummary: `Started by tool ${startedBy.tool}`,
          memo: { perdure: startedBy },
          ...(timeoutMs === undefined ? {} : { workflowExecutionTimeout: timeoutMs }),
        });
      try {
        await withTimeout(start);
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw notStarted(type, error);
      }
      const handle = client.workflow.getHandle(workflowId);
      return {
        workflowId,
        result: (signal) => resultOf(client, handle, sliceMs, signal).catch((error) => throwFailure(type, error)),
        cancel: async () => {
          await withTimeout(() => handle.cancel());
        },
      };
    },
    async cancel(workflowId) {
      try {
        await withTimeout(() => client.workflow.getHandle(workflowId).cancel());
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    async ended(workflowIds) {
      const over: string[] = [];
      const absent: string[] = [];
      for (const workflowId of workflowIds) {
        try {
          const { status } = await withTimeout(() => client.workflow.getHandle(workflowId).describe());
          if (status.name !== 'RUNNING' && status.name !== 'PAUSED') over.push(workflowId);
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
          absent.push(workflowId);
        }
      }
      return { over, absent };
    },
  };
}

/** Waits in slices, because a call of the worker's connection ends at its deadline only, not by an abort signal. */
async function resultOf(
  client: Client,
  handle: WorkflowHandle,
  sliceMs: number,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const slice = client.withDeadline(Date.now() + sliceMs, () => handle.result());
      const done = slice
        .then((value) => ({ value }))
        .catch((error) => (isDeadline(error) ? null : Promise.reject(error)));
      done.catch(() => {});
      const over = await Promise.race([stopped, done]);
      if (over) return over.value;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Whether a call has reached its deadline. */
function isDeadline(error: unknown): boolean {
  const grpc = error instanceof ServiceError ? error.cause : error;
  return isGrpcDeadlineError(grpc) || isGrpcCancelledError(grpc);
}

function notStarted(type: string, cause: unknown): Error {
  return new Error(`Temporal did not start the workflow ${JSON.stringify(type)}: ${reasonOf(cause)}`, { cause });
}

/** Throws the failure of a workflow as a `ToolError`: another attempt would find the same result. */
function throwFailure(type: string, error: unknown): never {
  if (!(error instanceof WorkflowFailedError)) throw error;
  throw new ToolError(`The workflow ${JSON.stringify(type)} did not complete: ${reasonOf(error.cause ?? error)}`, {
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { details?: string; message?: string } };
  return cause?.details ?? cause?.message ?? message ?? 'unknown reason';
}
