import type { Client } from '@temporalio/client';
import { v7 as uuidv7 } from 'uuid';
import {
  answerApprovalSchema,
  answerClientCallSchema,
  cancelRunSchema,
  endSessionSchema,
  resumeRunSchema,
} from '../../contracts/session/commands.ts';
import type { CancelledRun, CancelRun, OpenedSession } from '../../contracts/session/commands.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import { SIGNAL, TASK_QUEUE, UPDATE, WORKFLOW } from '../../contracts/names.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { fairnessKey } from '../../contracts/session/fairness-key.ts';
import { runWorkflowIdOf, sessionKey, workflowIdOf } from '../../contracts/session/session-key.ts';
import type { WakeReference } from '../../contracts/session/wake-reference.ts';
import { checkInput, checkMessage, checkOpen, checkUpdate } from './check-input.ts';
import type { SessionSender } from './session-sender.ts';
import { noResultMessage } from './no-result-message.ts';
import { readPendingMessages, type PendingMessages } from './pending-messages.ts';
import {
  hasSearchAttributes,
  isReady,
  readExecutions,
  readFailingTask,
  readPollers,
  type FailingTask,
  type WorkflowExecution,
} from './temporal-state.ts';
import { withMessageId } from './with-message-id.ts';
import { createWorkflowCalls } from './workflow-calls.ts';
import type { UpdateOutcome, WorkflowTarget } from './workflow-calls.ts';

export interface TemporalSenderOptions {
  readonly client: Client;
  /** Default {@link TASK_QUEUE}. */
  readonly taskQueue?: string;
  /** How long a worker may take to answer before a signal is sent instead, in ms. Default 2,000. */
  readonly ackTimeoutMs?: number;
}

/** A sender with the other Temporal calls that the gateway needs. */
export interface TemporalSender extends SessionSender {
  /** Starts the session's workflow, if it is not running, for a run that was admitted to the store. Needs no worker. `kind`: `run` for a run without a session. */
  wake(key: SessionKey, kind: 'session' | 'run', reference: WakeReference): Promise<void>;
  /** Makes the session's workflow, if it is running, read the session's status from the store, and complete if the session is no longer active. Needs no worker. */
  checkExpiry(key: SessionKey): Promise<void>;
  /** Terminates the session's workflow, if it is running. Leaves the store unchanged. */
  terminate(key: SessionKey, reason: string): Promise<void>;
  /** Deletes every execution of the session from Temporal, running or closed. */
  deleteExecutions(key: SessionKey): Promise<void>;
  /** The task queue of the workers that it sends to. */
  readonly taskQueue: string;
  /** Identities of the workers that polled the task queue within the last 70 s; a poll lasts a minute at most. Rejects when Temporal does not respond. */
  pollers(): Promise<string[]>;
  /** The messages in the session's workflow that no worker has processed yet. `kind`: `run` for a run without a session. Rejects when Temporal does not respond within a second. */
  pending(key: SessionKey, kind: 'session' | 'run'): Promise<PendingMessages>;
  /** Status of the newest execution of each workflow, of any type. Rejects when Temporal does not respond within a second. */
  executions(workflowIds: readonly string[]): Promise<WorkflowExecution[]>;
  /** The session's workflow task, if it keeps failing, so that the session cannot go on. Rejects when Temporal does not respond within a second. */
  failingTask(key: SessionKey): Promise<FailingTask | null>;
  /** Whether the namespace has the search attributes that the workflows of sessions need. Rejects when Temporal does not respond. */
  workflowsReady(): Promise<boolean>;
  /** Starts a clean-up of a user's sessions, or of all users' (null). Resolves with the id of its report. Needs no worker. */
  clean(user: string | null, request: CleanRequest): Promise<string>;
  /** Starts the workflow of an erasure. Needs no worker. */
  erase(erasureId: string): Promise<void>;
  /** Starts the workflow of a batch. Needs no worker. */
  startBatch(batchId: string): Promise<void>;
  /** Whether Temporal responds and has the namespace. */
  ready(): Promise<boolean>;
}

/** Sends through Temporal: by update-with-start, which returns a result, or by signal when no worker responds. */
export function createTemporalSender(options: TemporalSenderOptions): TemporalSender {
  const { client, taskQueue = TASK_QUEUE, ackTimeoutMs = 2_000 } = options;
  const calls = createWorkflowCalls(client, taskQueue, ackTimeoutMs);

  async function submitTo(target: WorkflowTarget, input: MessageInput): Promise<Receipt> {
    const message = withMessageId(checkMessage(input));
    const outcome = await calls.updateWithStart<Receipt>(target, UPDATE.submitMessage, message);
    if (outcome.kind === 'completed') return outcome.value;
    await calls.signalWithStart(target, SIGNAL.submitMessage, message);
    return { messageId: message.id, runId: null, disposition: 'accepted', position: null };
  }

  async function cancelAt(target: WorkflowTarget, input: CancelRun): Promise<CancelledRun> {
    const command = checkInput(cancelRunSchema, input, 'cancel');
    const running = await calls.update<CancelledRun>(target, UPDATE.cancelRun, command);
    // The workflow was lost, perhaps with a run that the store has as open: it is started again to cancel that run.
    const isLost = running.kind === 'no_workflow';
    const outcome = isLost ? await calls.updateWithStart<CancelledRun>(target, UPDATE.cancelRun, command) : running;
    if (outcome.kind === 'completed') return outcome.value;
    if (outcome.kind === 'no_answer') await calls.signal(target, SIGNAL.cancelRun, command);
    return { runId: null };
  }

  /** The result of an update that a signal cannot replace. Throws `temporal_unavailable` without one. */
  async function requireResult<T>(outcome: UpdateOutcome<T>): Promise<T> {
    if (outcome.kind === 'completed') return outcome.value;
    const workers = await readPollers(client, taskQueue).then(
      ({ length }) => length,
      () => null,
    );
    throw new PerdureError('temporal_unavailable', noResultMessage(ackTimeoutMs, workers), {
      retryAfterMs: ackTimeoutMs,
    });
  }

  return {
    async open(key, input) {
      const opening = calls.updateWithStart<OpenedSession>(sessionTarget(key), UPDATE.openSession, checkOpen(input));
      return await requireResult(await opening);
    },
    submit: async (key, input) => submitTo(sessionTarget(key), input),
    async submitRun(key, input) {
      const receipt = await submitTo(runTarget(key), input);
      return { ...receipt, runId: receipt.runId ?? key.session };
    },
    async signal(key, input) {
      const message = withMessageId(checkMessage(input));
      await calls.signalWithStart(sessionTarget(key), SIGNAL.submitMessage, message);
      return message.id;
    },
    async update(key, input) {
      const target = sessionTarget(key);
      await requireResult(await calls.updateWithStart(target, UPDATE.updateSession, checkUpdate(input)));
    },
    cancel: async (key, input) => cancelAt(sessionTarget(key), input),
    cancelRun: async (key, input) => cancelAt(runTarget(key), input),
    async resume(key, input) {
      const command = checkInput(resumeRunSchema, input, 'resume');
      await requireResult(await calls.updateWithStart(sessionTarget(key), UPDATE.resumeRun, command));
    },
    async answerApproval(key, itemId, answer) {
      const command = checkInput(answerApprovalSchema, { itemId, answer }, 'answer');
      await requireResult(await calls.updateWithStart(sessionTarget(key), UPDATE.answerApproval, command));
    },
    async answerClientCall(key, itemId, answer) {
      const command = checkInput(answerClientCallSchema, { itemId, answer }, 'answer');
      await requireResult(await calls.updateWithStart(sessionTarget(key), UPDATE.answerClientCall, command));
    },
    async end(key, input) {
      const target = sessionTarget(key);
      const command = checkInput(endSessionSchema, input, 'end');
      const outcome = await calls.updateWithStart(target, UPDATE.endSession, command);
      if (outcome.kind !== 'completed') await calls.signalWithStart(target, SIGNAL.endSession, command);
    },
    wake: (key, kind, reference) =>
      calls.signalWithStart(kind === 'run' ? runTarget(key) : sessionTarget(key), SIGNAL.wake, reference),
    async checkExpiry(key) {
      await calls.signal(sessionTarget(key), SIGNAL.checkExpiry, {});
    },
    terminate: async (key, reason) => calls.terminate(sessionTarget(key), reason),
    deleteExecutions: async (key) => calls.deleteExecutions(sessionTarget(key)),
    taskQueue,
    pollers: () => readPollers(client, taskQueue),
    pending: (key, kind) =>
      readPendingMessages(client, (kind === 'run' ? runTarget(key) : sessionTarget(key)).workflowId),
    executions: (workflowIds) => readExecutions(client, workflowIds),
    async clean(user, request) {
      const sweepId = uuidv7();
      const summary = 'Clean-up of sessions';
      const target = { workflowId: `:maintenance:${sweepId}`, workflowType: WORKFLOW.maintenance, summary };
      await calls.start(target, { sweepId, user, request });
      return sweepId;
    },
    async erase(erasureId) {
      const summary = 'Erasure of a user';
      const target = { workflowId: `:erasure:${erasureId}`, workflowType: WORKFLOW.erasure, summary };
      await calls.start(target, { erasureId });
    },
    async startBatch(batchId) {
      const summary = 'Batch of an operator';
      await calls.start({ workflowId: `:batch:${batchId}`, workflowType: WORKFLOW.batch, summary }, { batchId });
    },
    failingTask: (key) => readFailingTask(client, sessionTarget(key).workflowId),
    workflowsReady: () => hasSearchAttributes(client),
    ready: () => isReady(client),
  };
}

function sessionTarget(key: SessionKey): WorkflowTarget {
  const workflowId = workflowIdOf(sessionKey(key.user, key.session));
  return { workflowId, workflowType: WORKFLOW.session, summary: 'Agent session', fairnessKey: fairnessKey(key.user) };
}

function runTarget(key: SessionKey): WorkflowTarget {
  const workflowId = runWorkflowIdOf(sessionKey(key.user, key.session));
  const workflowType = WORKFLOW.run;
  return { workflowId, workflowType, summary: 'Run without a session', fairnessKey: fairnessKey(key.user) };
}
