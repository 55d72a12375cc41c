import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { callServer, withDeadline } from './temporal-call.ts';
import { classifyFailure } from './temporal-failures.ts';
import { filterValue } from '../../core/text/filter-value.ts';

/** The workflow that a call addresses. */
export interface WorkflowTarget {
  readonly workflowId: string;
  readonly workflowType: string;
  /** One line for the Temporal UI. It is not encrypted: nothing personal. */
  readonly summary: string;
  /** The key under which the workflow's tasks take turns with those of other users, if it is one user's. */
  readonly fairnessKey?: string | undefined;
}

/** The outcome of an update; refusals and server errors are thrown. `no_answer`: no worker responded in time. */
export type UpdateOutcome<T> =
  | { readonly kind: 'completed'; readonly value: T }
  | { readonly kind: 'no_answer' | 'no_workflow' };

/** Calls to workflows, each with a deadline and with Perdure's errors. */
export interface WorkflowCalls {
  updateWithStart<T>(target: WorkflowTarget, name: string, input: object): Promise<UpdateOutcome<T>>;
  update<T>(target: WorkflowTarget, name: string, input: object): Promise<UpdateOutcome<T>>;
  signalWithStart(target: WorkflowTarget, name: string, input: object): Promise<void>;
  /** Starts a workflow that takes no messages. */
  start(target: WorkflowTarget, input: object): Promise<void>;
  /** Resolves with false when no workflow runs under the id. */
  signal(target: WorkflowTarget, name: string, input: object): Promise<boolean>;
  /** Does nothing when no workflow runs under the id. */
  terminate(target: WorkflowTarget, reason: string): Promise<void>;
  /** Deletes every execution under the id; running ones are terminated first. */
  deleteExecutions(target: WorkflowTarget): Promise<void>;
}

/**
 * The time after which a workflow task of a killed worker is given to another, instead of Temporal's 10 s. Not shorter:
 * the next worker must replay a long history within it, also on a busy machine.
 */
const WORKFLOW_TASK_TIMEOUT_MS = 6_000;
/** Attempts of an update whose workflow ends or continues as new meanwhile. More in a row is no coincidence. */
const MAX_UPDATE_ATTEMPTS = 5;

/** `ackTimeoutMs`: how long a worker may take to answer an update. */
export function createWorkflowCalls(client: Client, taskQueue: string, ackTimeoutMs: number): WorkflowCalls {
  const startOptions = (target: WorkflowTarget) => ({
    workflowId: target.workflowId,
    taskQueue,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
    staticSummary: target.summary,
    ...(target.fairnessKey === undefined ? {} : { priority: { fairnessKey: target.fairnessKey } }),
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
  });

  const serverCall = (call: () => Promise<unknown>) => callServer(client, call);

  /** `starts`: whether the call starts the workflow if it is not running. All attempts share one deadline. No update id is set: a refused message may be sent again under its own id. */
  async function executeUpdate<T>(call: () => Promise<T>, starts: boolean): Promise<UpdateOutcome<T>> {
    const deadlineMs = Date.now() + ackTimeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { kind: 'completed', value: await withDeadline(client, deadlineMs, call) };
      } catch (error) {
        const failure = classifyFailure(error);
        if (failure.kind === 'error') throw failure.error;
        // A workflow that the call itself starts was closed meanwhile, for example because its session is being deleted.
        if (failure.kind === 'no_workflow' && !starts) return { kind: 'no_workflow' };
        if (failure.kind === 'no_answer' || attempt === MAX_UPDATE_ATTEMPTS) return { kind: 'no_answer' };
      }
    }
  }

  return {
    updateWithStart: (target, name, input) =>
      executeUpdate(
        () =>
          client.workflow.executeUpdateWithStart(name, {
            args: [input],
            startWorkflowOperation: new WithStartWorkflowOperation(target.workflowType, startOptions(target)),
          }),
        true,
      ),
    update: (target, name, input) =>
      executeUpdate(() => client.workflow.getHandle(target.workflowId).executeUpdate(name, { args: [input] }), false),
    async signalWithStart(target, name, input) {
      await serverCall(() =>
        client.workflow.signalWithStart(target.workflowType, {
          ...startOptions(target),
          signal: name,
          signalArgs: [input],
        }),
      );
    },
    async start(target, input) {
      await serverCall(() => client.workflow.start(target.workflowType, { ...startOptions(target), args: [input] }));
    },
    signal: (target, name, input) => serverCall(() => client.workflow.getHandle(target.workflowId).signal(name, input)),
    async terminate(target, reason) {
      await serverCall(() => client.workflow.getHandle(target.workflowId).terminate(reason));
    },
    async deleteExecutions({ workflowId }) {
      const { namespace } = client.options;
      const remove = (workflowExecution: { workflowId: string; runId?: string }) =>
        serverCall(() => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution }));
      // Without a run id the newest execution is deleted: the list is eventually consistent and may lack it.
      await remove({ workflowId });
      for await (const { runId, ...found } of client.workflow.list({ query: filterFor(workflowId) })) {
        if (found.workflowId === workflowId) await remove({ workflowId, runId });
      }
    },
  };
}

/** Temporal's list filter cannot contain a double quote in an id: such an id is searched for by the part before it. */
function filterFor(workflowId: string): string {
  const [start = '', ...rest] = workflowId.split('"');
  return `WorkflowId ${rest.length === 0 ? '=' : 'STARTS_WITH'} ${filterValue(start)}`;
}
