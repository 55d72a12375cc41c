import { isErrorCode, PerdureError } from '../contracts/errors.ts';
import type { StreamEvent } from '../contracts/session/event.ts';
import type { RunError, Usage } from '../contracts/session/run.ts';

/** The final answer to a message. */
export interface Answer {
  readonly runId: string;
  readonly text: string;
  readonly usage: Usage;
  /** Number of model calls. */
  readonly steps: number;
}

/** A run failed or was cancelled, so that there is no answer. */
export class RunNotCompletedError extends Error {
  override readonly name = 'RunNotCompletedError';
  readonly runId: string;
  readonly status: 'failed' | 'cancelled';
  readonly error: RunError;

  constructor(runId: string, status: 'failed' | 'cancelled', error: RunError) {
    super(`The run ${runId} ${status === 'failed' ? 'failed' : 'was cancelled'} (${error.code}): ${error.detail}`);
    this.runId = runId;
    this.status = status;
    this.error = error;
  }
}

/**
 * Reads events until the run that answers `messageId` ends. `events` must start before the message. Rejects with a
 * PerdureError when the message was accepted but is refused later, and with a {@link RunNotCompletedError} when its run
 * fails or is cancelled.
 */
export async function awaitAnswer(
  events: AsyncIterable<StreamEvent>,
  messageId: string,
  knownRunId: string | null,
): Promise<Answer> {
  let runId = knownRunId;
  for await (const event of events) {
    switch (event.type) {
      case 'message.received':
        if (event.messageId === messageId) runId = event.runId;
        break;
      case 'message.refused':
        if (event.messageId === messageId && runId === null) {
          throw new PerdureError(isErrorCode(event.code) ? event.code : 'internal', event.detail);
        }
        break;
      case 'run.completed':
        if (event.runId === runId) return { runId, text: event.output, usage: event.usage, steps: event.steps };
        break;
      case 'run.failed':
        if (event.runId === runId) throw new RunNotCompletedError(runId, 'failed', event.error);
        break;
      case 'run.cancelled':
        if (event.runId === runId) {
          throw new RunNotCompletedError(runId, 'cancelled', { code: 'cancelled', detail: event.reason });
        }
        break;
      default:
    }
  }
  throw new Error('The event stream ended before the run did.');
}
