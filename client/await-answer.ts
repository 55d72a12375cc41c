import { isErrorCode, PerdureError } from '../contracts/errors.ts';
import type { StreamEvent } from '../contracts/events/event.ts';
import { endsRun, type RunEndType } from '../contracts/events/event-traits.ts';
import type { RunError, Usage } from '../contracts/session/run.ts';

/** The final answer to a message. */
export interface Answer {
  readonly runId: string;
  readonly text: string;
  /** The structured answer; absent if neither the message nor the agent has a schema. */
  readonly object?: unknown;
  readonly usage: Usage;
  /** Number of model calls. */
  readonly steps: number;
  /** The model that gave the answer, `provider/model`; absent for an agent with one model. */
  readonly answerModel?: string;
}

/** A run failed or was cancelled, so that there is no answer. */
export class RunNotCompletedError extends Error {
  override readonly name = 'RunNotCompletedError';
  readonly runId: string;
  readonly status: 'failed' | 'cancelled';
  /** The code of `error`, such as `model_unavailable`; `cancelled` for a cancelled run. */
  readonly code: string;
  readonly error: RunError;

  constructor(runId: string, status: 'failed' | 'cancelled', error: RunError) {
    super(`The run ${runId} ${status === 'failed' ? 'failed' : 'was cancelled'} (${error.code}): ${error.detail}`);
    this.runId = runId;
    this.status = status;
    this.code = error.code;
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
    if (event.type === 'message.received' && event.messageId === messageId) runId = event.runId;
    if (event.type === 'message.refused' && event.messageId === messageId && runId === null) {
      throw new PerdureError(isErrorCode(event.code) ? event.code : 'internal', event.detail);
    }
    if (isRunEnd(event) && event.runId === runId) return answerOf(event);
  }
  throw new Error('The event stream ended before the run did.');
}

type RunEnd = Extract<StreamEvent, { type: RunEndType }>;

function isRunEnd(event: StreamEvent): event is RunEnd {
  return endsRun(event.type);
}

/** Throws a {@link RunNotCompletedError} for a run that did not complete. */
function answerOf(end: RunEnd): Answer {
  const { runId } = end;
  switch (end.type) {
    case 'run.completed':
      return {
        runId,
        text: end.output,
        ...(end.object ? { object: end.object } : {}),
        usage: end.usage,
        steps: end.steps,
        ...(end.answerModel === undefined ? {} : { answerModel: end.answerModel }),
      };
    case 'run.failed':
      throw new RunNotCompletedError(runId, 'failed', end.error);
    case 'run.cancelled':
      throw new RunNotCompletedError(runId, 'cancelled', { code: 'cancelled', detail: end.reason });
  }
}
