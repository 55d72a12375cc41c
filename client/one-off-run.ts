import type { CancelledRun } from '../contracts/session/commands.ts';
import type { StreamEvent } from '../contracts/session/event.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { awaitAnswer } from './await-answer.ts';
import type { Answer } from './await-answer.ts';
import type { StreamOptions } from './http/event-stream.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { retryUntilFound } from './retry-until-found.ts';

/** A run without a session. */
export interface OneOffRun {
  /** The id of the run, also in `/v1/runs/{run}`. */
  readonly id: string;
  readonly receipt: Receipt;
  /** The run's events; ends with the run. */
  stream(options?: StreamOptions): AsyncIterable<StreamEvent>;
  /** Waits for the answer. Rejects with a RunNotCompletedError when the run fails or is cancelled. */
  answer(options?: { signal?: AbortSignal }): Promise<Answer>;
  cancel(): Promise<CancelledRun>;
}

export function createOneOffRun(
  key: SessionKey,
  receipt: Receipt,
  sender: () => Promise<SessionSender>,
  gateway: GatewayClient,
): OneOffRun {
  const stream = (options: StreamOptions = {}): AsyncIterable<StreamEvent> =>
    retryUntilFound(() => gateway.streamRun(key.session, options), options.signal);
  return {
    id: key.session,
    receipt,
    stream,
    answer: async ({ signal } = {}) => awaitAnswer(stream({ signal }), receipt.messageId, receipt.runId),
    cancel: async () => (await sender()).cancelRun(key, {}),
  };
}
