import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { before, callServer } from './temporal-call.ts';
import { readFailure } from './temporal-failures.ts';

/** Where something is delivered to. */
export interface Target {
  readonly workflowId: string;
  readonly workflowType: string;
  /** One line for the Temporal UI; it is not encrypted, so nothing personal. */
  readonly summary: string;
}

/** What an update came to. Refusals and a server that is away are thrown. */
export type Answer<T> = { readonly from: 'workflow'; readonly value: T } | { readonly from: 'nobody' | 'no_workflow' };

/** The ways of reaching a workflow, each with a deadline and our errors. */
export interface TemporalDelivery {
  updateWithStart<T>(target: Target, name: string, input: object): Promise<Answer<T>>;
  update<T>(target: Target, name: string, input: object): Promise<Answer<T>>;
  signalWithStart(target: Target, name: string, input: object): Promise<void>;
  /** Starts a workflow that takes no messages. */
  start(target: Target, input: object): Promise<void>;
  /** False when no workflow runs under the id. */
  signal(target: Target, name: string, input: object): Promise<boolean>;
  /** Does nothing when no workflow runs under the id. */
  terminate(target: Target, reason: string): Promise<void>;
  /** Deletes every execution under the id; those that run are terminated first. */
  forget(target: Target): Promise<void>;
}

/**
 * A worker that is killed in the middle of a workflow task is missed after this, not after Temporal's ten
 * seconds. Not shorter: the next worker replays a long history within it, on a busy machine too.
 */
const WORKFLOW_TASK_TIMEOUT_MS = 6_000;
/** A workflow that ends or continues as new under a call is met again at once; more often than this in a row is not chance. */
const CLOSED_TRIES = 5;

/** `ackTimeoutMs`: how long a worker may take to answer an update. */
export function createTemporalDelivery(client: Client, taskQueue: string, ackTimeoutMs: number): TemporalDelivery {
  const startOptions = (target: Target) => ({
    workflowId: target.workflowId,
    taskQueue,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
    staticSummary: target.summary,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
  });

  const called = (call: () => Promise<unknown>) => callServer(client, call);

  /** All tries share one deadline. No update id is given: a refused message may come again under its own id. */
  async function answered<T>(call: () => Promise<T>): Promise<Answer<T>> {
    const deadlineMs = Date.now() + ackTimeoutMs;
    for (let tries = 1; ; tries += 1) {
      try {
        return { from: 'workflow', value: await before(client, deadlineMs, call) };
      } catch (error) {
        const failure = readFailure(error);
        if (failure.kind === 'error') throw failure.error;
        if (failure.kind === 'no_workflow') return { from: 'no_workflow' };
        if (failure.kind === 'no_answer' || tries === CLOSED_TRIES) return { from: 'nobody' };
      }
    }
  }

  return {
    updateWithStart: (target, name, input) =>
      answered(() =>
        client.workflow.executeUpdateWithStart(name, {
          args: [input],
          startWorkflowOperation: new WithStartWorkflowOperation(target.workflowType, startOptions(target)),
        }),
      ),
    update: (target, name, input) =>
      answered(() => client.workflow.getHandle(target.workflowId).executeUpdate(name, { args: [input] })),
    async signalWithStart(target, name, input) {
      await called(() =>
        client.workflow.signalWithStart(target.workflowType, {
          ...startOptions(target),
          signal: name,
          signalArgs: [input],
        }),
      );
    },
    async start(target, input) {
      await called(() => client.workflow.start(target.workflowType, { ...startOptions(target), args: [input] }));
    },
    signal: (target, name, input) => called(() => client.workflow.getHandle(target.workflowId).signal(name, input)),
    async terminate(target, reason) {
      await called(() => client.workflow.getHandle(target.workflowId).terminate(reason));
    },
    async forget({ workflowId }) {
      const { namespace } = client.options;
      const remove = (workflowExecution: { workflowId: string; runId?: string }) =>
        called(() => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution }));
      // Without a run id the newest one is meant: the list lags behind, and may not have it yet.
      await remove({ workflowId });
      for await (const { runId, ...found } of client.workflow.list({ query: filterFor(workflowId) })) {
        if (found.workflowId === workflowId) await remove({ workflowId, runId });
      }
    },
  };
}

/** Temporal's list filter cannot name an id with a double quote in it: what is before that is asked for. */
function filterFor(workflowId: string): string {
  const [start = '', ...rest] = workflowId.replaceAll("'", "''").split('"');
  return rest.length === 0 ? `WorkflowId = '${start}'` : `WorkflowId STARTS_WITH '${start}'`;
}
