import type { Client } from '@temporalio/client';
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { PerdureError } from '../contracts/errors.ts';
import { readFailure, TEMPORAL_AWAY } from './temporal-failures.ts';
import type { CallFailure } from './temporal-failures.ts';

/** Where something is delivered to. */
export interface Target {
  readonly workflowId: string;
  readonly workflowType: string;
  /** One line for the Temporal UI; it is not encrypted, so nothing personal. */
  readonly summary: string;
}

/** What an update came to. Refusals and a server that is away are thrown. */
export type Answer<T> = { readonly from: 'workflow'; readonly value: T } | { readonly from: 'nobody' | 'no_workflow' };

/** The newest execution of a workflow. */
export interface Execution {
  readonly workflowId: string;
  /** `absent`: Temporal knows of none. */
  readonly status: 'running' | 'over' | 'absent';
  /** When that execution began; null when absent. */
  readonly startedAt: string | null;
}

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
  /** Workers that asked the task queue for work within the last 70 s. Rejects when the server does not answer. */
  workers(): Promise<number>;
  /** Whether each of these workflows runs. Rejects when the server does not answer at once. */
  executions(workflowIds: readonly string[]): Promise<Execution[]>;
  /** Deletes every execution under the id; those that run are terminated first. */
  forget(target: Target): Promise<void>;
  /** Whether the server answers and has the namespace. */
  ready(): Promise<boolean>;
}

/** How long the server itself may take for what needs no worker. */
const SERVER_TIMEOUT_MS = 2_500;
/** How long it may take where the caller goes on without it. */
const LOOK_TIMEOUT_MS = 1_000;
/** For the client to tell of the deadline by itself. */
const GRACE_MS = 50;
/**
 * A worker that is killed in the middle of a workflow task is missed after this, not after Temporal's ten
 * seconds. Not shorter: the next worker replays a long history within it, on a busy machine too.
 */
const WORKFLOW_TASK_TIMEOUT_MS = 6_000;
/** Temporal remembers who polled for five minutes; a poll lasts one at most. */
const POLLED_MS = 70_000;
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

  async function delivered(call: () => Promise<unknown>, timeoutMs = SERVER_TIMEOUT_MS): Promise<boolean> {
    try {
      await before(client, Date.now() + timeoutMs, call);
      return true;
    } catch (error) {
      const failure = readFailure(error);
      if (failure.kind === 'no_workflow') return false;
      throw asServerError(failure, error);
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
      await delivered(() =>
        client.workflow.signalWithStart(target.workflowType, {
          ...startOptions(target),
          signal: name,
          signalArgs: [input],
        }),
      );
    },
    async start(target, input) {
      await delivered(() => client.workflow.start(target.workflowType, { ...startOptions(target), args: [input] }));
    },
    signal: (target, name, input) => delivered(() => client.workflow.getHandle(target.workflowId).signal(name, input)),
    async terminate(target, reason) {
      await delivered(() => client.workflow.getHandle(target.workflowId).terminate(reason));
    },
    async forget({ workflowId }) {
      const { namespace } = client.options;
      const remove = (workflowExecution: { workflowId: string; runId?: string }) =>
        delivered(() => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution }));
      // Without a run id the newest one is meant: the list lags behind, and may not have it yet.
      await remove({ workflowId });
      for await (const { runId, ...found } of client.workflow.list({ query: filterFor(workflowId) })) {
        if (found.workflowId === workflowId) await remove({ workflowId, runId });
      }
    },
    async executions(workflowIds) {
      const found: Execution[] = [];
      await delivered(async () => {
        found.push(...(await Promise.all(workflowIds.map((id) => executionOf(client, id)))));
      }, LOOK_TIMEOUT_MS);
      return found;
    },
    async workers() {
      const { namespace } = client.options;
      const ask = { namespace, taskQueue: { name: taskQueue } };
      const recent = new Set<string>();
      await delivered(async () => {
        const { pollers } = await client.workflowService.describeTaskQueue(ask);
        for (const { identity, lastAccessTime } of pollers) {
          if (Number(lastAccessTime?.seconds ?? 0) * 1_000 > Date.now() - POLLED_MS) recent.add(identity ?? '');
        }
      });
      return recent.size;
    },
    async ready() {
      try {
        const { namespace } = client.options;
        return await delivered(() => client.workflowService.describeNamespace({ namespace }));
      } catch {
        return false;
      }
    },
  };
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

/** Temporal's list filter cannot name an id with a double quote in it: what is before that is asked for. */
function filterFor(workflowId: string): string {
  const [start = '', ...rest] = workflowId.replaceAll("'", "''").split('"');
  return rest.length === 0 ? `WorkflowId = '${start}'` : `WorkflowId STARTS_WITH '${start}'`;
}

/** Rejects as a call that timed out, at the deadline: the client's own retries may sleep past it. */
async function before<T>(client: Client, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timeout = new WorkflowUpdateRPCTimeoutOrCancelledError('Temporal did not answer in time.');
  const timer = setTimeout(() => reject(timeout), Math.max(0, deadlineMs - Date.now()) + GRACE_MS);
  try {
    return await Promise.race([client.connection.withDeadline(new Date(deadlineMs), call), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where no worker is needed, silence is the server's. */
function asServerError(failure: CallFailure, cause: unknown): PerdureError {
  return failure.kind === 'error' ? failure.error : new PerdureError('temporal_unavailable', TEMPORAL_AWAY, { cause });
}
