import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

const { UpdateWorkflowExecutionLifecycleStage, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** A payload in its wire format. */
export interface RawPayload {
  readonly metadata: Record<string, Uint8Array>;
  readonly data: Uint8Array;
}

/** Builds a payload. `encoding` null: without metadata. */
export function rawPayload(data: string | Uint8Array, encoding: string | null = 'json/plain'): RawPayload {
  return {
    metadata: encoding === null ? {} : { encoding: Buffer.from(encoding) },
    data: typeof data === 'string' ? Buffer.from(data) : data,
  };
}

/** Payloads that cannot be decoded as JSON. */
export const UNDECODABLE: Readonly<Record<string, RawPayload>> = {
  'broken JSON': rawPayload('{"content": "hel'),
  'an unknown encoding': rawPayload('{"content":"hello"}', 'binary/martian'),
  'no metadata': rawPayload('{"content":"hello"}', null),
  'protobuf of an unknown type': {
    metadata: { encoding: Buffer.from('json/protobuf'), messageType: Buffer.from('a.B') },
    data: Buffer.from('{}'),
  },
  'bytes that are not text': rawPayload(Uint8Array.of(0xff, 0xfe, 0x00, 0x80)),
};

/** Sends a signal as any Temporal client can, without Perdure's validation. */
export async function rawSignal(
  client: Client,
  workflowId: string,
  name: string,
  payloads: readonly RawPayload[],
): Promise<void> {
  await client.workflowService.signalWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    signalName: name,
    input: { payloads: [...payloads] },
    requestId: randomUUID(),
  });
}

/** Sends a signal-with-start as any Temporal client can, without Perdure's validation. */
export async function rawSignalWithStart(
  client: Client,
  start: {
    readonly workflowId: string;
    readonly workflowType: string;
    readonly taskQueue: string;
    readonly input?: readonly RawPayload[];
  },
  name: string,
  payloads: readonly RawPayload[],
): Promise<void> {
  await client.workflowService.signalWithStartWorkflowExecution({
    namespace: client.options.namespace,
    workflowId: start.workflowId,
    workflowType: { name: start.workflowType },
    taskQueue: { name: start.taskQueue },
    input: { payloads: [...(start.input ?? [])] },
    signalName: name,
    signalInput: { payloads: [...payloads] },
    requestId: randomUUID(),
  });
}

/** Sends an update as any Temporal client can. Returns `ok`, or the `type` and message of the failure. */
export async function rawUpdate(
  client: Client,
  workflowId: string,
  name: string,
  payloads: readonly RawPayload[],
): Promise<{ readonly ok: true } | { readonly ok: false; readonly type: string | null; readonly message: string }> {
  const { outcome } = await client.workflowService.updateWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    waitPolicy: {
      lifecycleStage: UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
    },
    request: { meta: { updateId: randomUUID() }, input: { name, args: { payloads: [...payloads] } } },
  });
  const failure = outcome?.failure;
  if (!failure) return { ok: true };
  return { ok: false, type: failure.applicationFailureInfo?.type ?? null, message: failure.message ?? '' };
}

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];

/** The history of a workflow's execution: of `runId`, by default the newest. */
export async function historyOf(client: Client, workflowId: string, runId?: string): Promise<HistoryEvent[]> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return history.events ?? [];
}

/** The histories of every execution of a workflow that has continued as new, the newest first. */
export async function executionsOf(client: Client, workflowId: string): Promise<HistoryEvent[][]> {
  const histories = [];
  for (let runId: string | undefined; ;) {
    const history = await historyOf(client, workflowId, runId);
    histories.push(history);
    runId = history[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    if (!runId) return histories;
  }
}

/** The failures of workflow tasks. Temporal retries a failed task for ever, so a healthy session has none. */
export function failedTasks(history: readonly HistoryEvent[]): string[] {
  return history.flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    // Unhandled command: an event arrived while the workflow was completing, and the server retries the task.
    failed && failed.cause !== WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
      ? [`${failed.cause}: ${failed.failure?.message ?? ''}`]
      : [],
  );
}

/** The type and summary of each non-local activity in a history, in the order of scheduling. */
export function activitiesIn(
  history: readonly HistoryEvent[],
): { readonly type: string; readonly summary: string | null }[] {
  return history.flatMap(({ activityTaskScheduledEventAttributes: scheduled, userMetadata }) => {
    const summary = userMetadata?.summary?.data;
    return scheduled
      ? [
          {
            type: scheduled.activityType?.name ?? '',
            summary: summary ? (JSON.parse(Buffer.from(summary).toString()) as string) : null,
          },
        ]
      : [];
  });
}
