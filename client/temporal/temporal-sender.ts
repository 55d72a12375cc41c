import type { Client } from '@temporalio/client';
import { v7 as uuidv7 } from 'uuid';
import { cancelRunSchema, endSessionSchema, resumeRunSchema } from '../../contracts/session/commands.ts';
import type { CancelledRun, CancelRun, OpenedSession } from '../../contracts/session/commands.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import { SIGNAL, TASK_QUEUE, UPDATE, WORKFLOW } from '../../contracts/names.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { runWorkflowIdOf, sessionKey, workflowIdOf } from '../../contracts/session/session-key.ts';
import { checkInput, checkMessage, checkOpen, checkUpdate } from './check-input.ts';
import type { SessionSender } from './session-sender.ts';
import { createTemporalDelivery } from './temporal-delivery.ts';
import type { Answer, Target } from './temporal-delivery.ts';
import { countWorkers, isReady, readExecutions } from './temporal-state.ts';

export interface TemporalSenderOptions {
  readonly client: Client;
  /** Default {@link TASK_QUEUE}. */
  readonly taskQueue?: string;
  /** How long a worker may take to answer before a signal is left instead. Default 2,000. */
  readonly ackTimeoutMs?: number;
}

/** Sends through Temporal: by update with start for an answer, by signal when no worker gives one. */
export function createTemporalSender(options: TemporalSenderOptions): SessionSender {
  const { client, taskQueue = TASK_QUEUE, ackTimeoutMs = 2_000 } = options;
  const delivery = createTemporalDelivery(client, taskQueue, ackTimeoutMs);

  async function submitTo(target: Target, input: MessageInput): Promise<Receipt> {
    const message = withId(checkMessage(input));
    const answer = await delivery.updateWithStart<Receipt>(target, UPDATE.submitMessage, message);
    if (answer.from === 'workflow') return answer.value;
    await delivery.signalWithStart(target, SIGNAL.submitMessage, message);
    return { messageId: message.id, runId: null, disposition: 'accepted', position: null };
  }

  async function cancelAt(target: Target, input: CancelRun): Promise<CancelledRun> {
    const command = checkInput(cancelRunSchema, input, 'cancel');
    const answer = await delivery.update<CancelledRun>(target, UPDATE.cancelRun, command);
    if (answer.from === 'workflow') return answer.value;
    if (answer.from === 'nobody') await delivery.signal(target, SIGNAL.cancelRun, command);
    return { runId: null };
  }

  return {
    async open(key, input) {
      const opened = delivery.updateWithStart<OpenedSession>(sessionTarget(key), UPDATE.openSession, checkOpen(input));
      return needed(await opened, ackTimeoutMs);
    },
    submit: async (key, input) => submitTo(sessionTarget(key), input),
    submitRun: async (key, input) => submitTo(runTarget(key), input),
    async signal(key, input) {
      const message = withId(checkMessage(input));
      await delivery.signalWithStart(sessionTarget(key), SIGNAL.submitMessage, message);
      return message.id;
    },
    async update(key, input) {
      const target = sessionTarget(key);
      needed(await delivery.updateWithStart(target, UPDATE.updateSession, checkUpdate(input)), ackTimeoutMs);
    },
    cancel: async (key, input) => cancelAt(sessionTarget(key), input),
    cancelRun: async (key, input) => cancelAt(runTarget(key), input),
    async resume(key, input) {
      const command = checkInput(resumeRunSchema, input, 'resume');
      needed(await delivery.updateWithStart(sessionTarget(key), UPDATE.resumeRun, command), ackTimeoutMs);
    },
    async end(key, input) {
      const target = sessionTarget(key);
      const command = checkInput(endSessionSchema, input, 'end');
      const answer = await delivery.updateWithStart(target, UPDATE.endSession, command);
      if (answer.from !== 'workflow') await delivery.signalWithStart(target, SIGNAL.endSession, command);
    },
    async checkExpiry(key) {
      await delivery.signal(sessionTarget(key), SIGNAL.checkExpiry, {});
    },
    terminate: async (key, reason) => delivery.terminate(sessionTarget(key), reason),
    executions: (workflowIds) => readExecutions(client, workflowIds),
    forget: async (key) => delivery.forget(sessionTarget(key)),
    workers: () => countWorkers(client, taskQueue),
    async clean(user, request) {
      const sweepId = uuidv7();
      const summary = 'Clean-up of sessions';
      const target = { workflowId: `:maintenance:${sweepId}`, workflowType: WORKFLOW.maintenance, summary };
      await delivery.start(target, { sweepId, user, request });
      return sweepId;
    },
    ready: () => isReady(client),
  };
}

function sessionTarget(key: SessionKey): Target {
  const workflowId = workflowIdOf(sessionKey(key.user, key.session));
  return { workflowId, workflowType: WORKFLOW.session, summary: 'Agent session' };
}

function runTarget(key: SessionKey): Target {
  const workflowId = runWorkflowIdOf(sessionKey(key.user, key.session));
  return { workflowId, workflowType: WORKFLOW.run, summary: 'Run without a session' };
}

function withId(message: MessageInput): MessageInput & { id: string } {
  return { ...message, id: message.id ?? uuidv7() };
}

/** The answer, where a signal could not stand in for it. */
function needed<T>(answer: Answer<T>, ackTimeoutMs: number): T {
  if (answer.from === 'workflow') return answer.value;
  throw new PerdureError(
    'temporal_unavailable',
    `No worker answered within ${ackTimeoutMs} ms. Check that a worker runs, then try again.`,
    { retryAfterMs: ackTimeoutMs },
  );
}
