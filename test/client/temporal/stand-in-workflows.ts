import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { QUERY, SIGNAL, UPDATE } from '../../../contracts/names.ts';

/** The messages that a stand-in received, in order. */
export interface Delivered {
  readonly by: 'update' | 'signal';
  readonly name: string;
  readonly input: unknown;
}

/** Responds as a session would, and records the messages it receives. The content selects the response. */
export async function agentSession(): Promise<void> {
  const delivered: Delivered[] = [];
  let ended = false;
  const take = (by: Delivered['by'], name: string, input: unknown): void => void delivered.push({ by, name, input });

  setHandler(defineQuery<Delivered[]>(QUERY.session), () => delivered);
  setHandler(defineUpdate<unknown, [{ id: string; content: string }]>(UPDATE.submitMessage), (message) => {
    if (message.content === 'refuse') {
      throw ApplicationFailure.create({
        type: 'queue_full',
        message: '1,000 runs wait in this session.',
        details: [{ retryAfterMs: 1_500 }],
        nonRetryable: true,
      });
    }
    if (message.content === 'break') throw ApplicationFailure.nonRetryable('secret detail', 'Surprise');
    if (message.content === 'end') ended = true;
    take('update', UPDATE.submitMessage, message);
    return { messageId: message.id, runId: workflowInfo().workflowType, disposition: 'started', position: 0 };
  });
  for (const name of [
    UPDATE.openSession,
    UPDATE.updateSession,
    UPDATE.cancelRun,
    UPDATE.resumeRun,
    UPDATE.endSession,
  ]) {
    setHandler(defineUpdate<unknown, [unknown]>(name), (input) => {
      take('update', name, input);
      if (name === UPDATE.openSession) return { created: true };
      return name === UPDATE.cancelRun ? { runId: 'r' } : null;
    });
  }
  for (const name of Object.values(SIGNAL)) {
    setHandler(defineSignal<[unknown]>(name), (input) => take('signal', name, input));
  }
  await condition(() => ended);
}

export const agentRun = agentSession;
