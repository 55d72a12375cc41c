import {
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import proto from '@temporalio/proto';
import { missingKey } from '../../codec/payloads-in.ts';
import { WORKFLOW } from '../../contracts/names.ts';
import type { Db } from '../../store/db/db.ts';
import {
  acquireLease,
  deleteLease,
  listExpiredLeases,
  readLeaseState,
  saveLeaseState,
} from '../../store/admin/leases/leases.ts';
import type { FailedExecutions } from '../failed-executions.ts';
import type { StuckWorkflows } from './stuck-workflows.ts';

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;
type Signal = NonNullable<Events[number]['workflowExecutionSignaledEventAttributes']>;

export interface RescueDeps {
  readonly db: Db;
  readonly client: Client;
  /** Unique to this process. */
  readonly holder: string;
  readonly stuck: StuckWorkflows;
}

/** From this attempt on, the failure of a workflow task is taken for permanent. */
const PERMANENT_FROM_ATTEMPT = 3;
const WORKFLOW_TYPES: ReadonlySet<string> = new Set(Object.values(WORKFLOW));
/** A rescue that takes longer is finished by another worker. */
const RESCUE_TTL_MS = 60_000;
const LEASE_PREFIX = 'rescue:';
const REASON = 'The history could not be replayed. The session continues from the store.';

/** A rescue in progress, as its lease records it. */
interface Rescue {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly taskQueue: string;
}

/**
 * Terminates an execution whose history can no longer be replayed; its session continues from the store. Signals that it
 * had not processed are sent again, which is harmless for messages with an id. Returns whether it terminated the execution.
 * It does not if no workflow task has ever completed, because a new execution would fail in the same way, nor if workflow
 * tasks fail for any other cause, the history is encrypted with a key that is not there, or too many were terminated lately: such
 * an execution is reported.
 */
export async function rescueStuckWorkflow(deps: RescueDeps, execution: WorkflowExecutionDescription): Promise<boolean> {
  const { client, stuck } = deps;
  const { workflowId, runId, type, taskQueue, status } = execution;
  if (status.name !== 'RUNNING' || taskAttempt(execution) < PERMANENT_FROM_ATTEMPT) {
    stuck.forget(workflowId);
    return false;
  }
  const handle = client.workflow.getHandle(workflowId, runId);
  const events = (await handle.fetchHistory()).events ?? [];
  const failure = lastFailure(events);
  if (!failure) return false;
  if ((await missingKey(events, client.options.loadedDataConverter.payloadCodecs)) !== null) {
    stuck.report(workflowId, 'codec_key_missing');
    return false;
  }
  if (!isNondeterminism(failure) || lastCompletedTask(events) < 0 || !stuck.mayTerminate()) {
    stuck.report(workflowId, WorkflowTaskFailedCause[failure.cause ?? 0] ?? 'unknown');
    return false;
  }
  return await rescue(deps, { workflowId, runId, type, taskQueue });
}

/**
 * Finishes rescues whose worker died after it had terminated the execution: the signals that it had not sent again are in
 * the terminated history.
 */
export async function finishRescues(deps: RescueDeps): Promise<void> {
  for (const name of await listExpiredLeases(deps.db, LEASE_PREFIX)) {
    const state = (await readLeaseState(deps.db, name)) as Partial<Rescue> | null;
    if (state?.workflowId) await rescue(deps, state as Rescue);
    else await deleteLease(deps.db, { name, holder: deps.holder });
  }
}

/** As {@link rescueStuckWorkflow}, for executions that the log reported. Keeps those that failed less often or cannot be read now. */
export async function rescueFailed(deps: RescueDeps, failed: FailedExecutions): Promise<void> {
  for (const runId of failed.drain()) {
    if (await rescueByRunId(deps, runId).catch(() => true)) failed.add(runId);
  }
}

/** Returns whether to check the execution again. */
async function rescueByRunId(deps: RescueDeps, runId: string): Promise<boolean> {
  const { client } = deps;
  const query = `RunId = '${runId}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, type } of client.workflow.list({ query })) {
    if (!WORKFLOW_TYPES.has(type)) return false;
    const execution = await client.workflow.getHandle(workflowId, runId).describe();
    return !(await rescueStuckWorkflow(deps, execution)) && taskAttempt(execution) > 1;
  }
  return false;
}

/** Under a lease, whose state outlives this worker: terminates the execution, then sends its unprocessed signals again. */
async function rescue({ db, client, holder, stuck }: RescueDeps, stopped: Rescue): Promise<boolean> {
  const { workflowId, runId, type, taskQueue } = stopped;
  const lease = { name: `${LEASE_PREFIX}${runId}`, holder };
  if ((await acquireLease(db, { ...lease, ttlMs: RESCUE_TTL_MS })) === null) return false;
  await saveLeaseState(db, lease, { workflowId, runId, type, taskQueue });
  const handle = client.workflow.getHandle(workflowId, runId);
  const isTerminated = await terminate(handle);
  // Read again: signals may have arrived until the termination.
  const events = isTerminated ? ((await handle.fetchHistory()).events ?? []) : [];
  const priority = events[0]?.workflowExecutionStartedEventAttributes?.priority;
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
      ...(priority ? { priority } : {}),
    });
  }
  await deleteLease(db, lease);
  stuck.forget(workflowId);
  return isTerminated;
}

/** Terminates an execution; returns false when it has ended in another way, or was removed from Temporal. */
async function terminate(handle: WorkflowHandle): Promise<boolean> {
  try {
    await handle.terminate(REASON);
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  const { status } = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return { status: null };
    throw error;
  });
  return status?.name === 'TERMINATED';
}

/** The attempt of the pending workflow task; 0 if there is none. */
function taskAttempt({ raw }: WorkflowExecutionDescription): number {
  return raw.pendingWorkflowTask?.attempt ?? 0;
}

type TaskFailure = NonNullable<Events[number]['workflowTaskFailedEventAttributes']>;

/** The failure of the last workflow task that ended; null if that completed. */
function lastFailure(events: Events): TaskFailure | null {
  const last = events.findLast(
    (event) => event.workflowTaskFailedEventAttributes ?? event.workflowTaskCompletedEventAttributes,
  );
  return last?.workflowTaskFailedEventAttributes ?? null;
}

function isNondeterminism({ cause }: TaskFailure): boolean {
  return cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR;
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
