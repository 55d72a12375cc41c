import type { CancelledRun } from '../contracts/session/commands.ts';
import type { StreamEvent } from '../contracts/events/event.ts';
import type { Receipt } from '../contracts/session/message.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { awaitAnswer } from './await-answer.ts';
import type { Answer } from './await-answer.ts';
import type { StreamOptions } from './http/event-stream.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { retryUntilFound } from './retry-until-found.ts';

/** A run without a session. `A`: its answer, structured if it was started with a schema. */
export interface OneOffRun<A extends Answer = Answer> {
  /** The id of the run, also in `/v1/runs/{run}`. */
  readonly id: string;
  readonly receipt: Receipt;
  /** The run's events; ends with the run. */
  stream(options?: StreamOptions): AsyncIterable<StreamEvent>;
  /** Waits for the answer. Rejects with a RunNotCompletedError when the run fails or is cancelled, and like `SessionHandle.ask` with a schema. */
  answer(options?: { signal?: AbortSignal }): Promise<A>;
  cancel(): Promise<CancelledRun>;
}

export function createOneOffRun<A extends Answer>(
  key: SessionKey,
  receipt: Receipt,
  sender: () => Promise<SessionSender>,
  gateway: GatewayClient,
  parse: (answer: Answer) => Promise<A>,
): OneOffRun<A> {
  const stream = (options: StreamOptions = {}): AsyncIterable<StreamEvent> =>
    retryUntilFound(() => gateway.streamRun(key.session, options), options.signal);
  // A run that was only accepted may still be refused.
  const isAccepted = receipt.disposition === 'accepted';
  return {
    id: key.session,
    receipt,
    stream,
    answer: async ({ signal } = {}) =>
      parse(await awaitAnswer(stream({ signal }), receipt.messageId, isAccepted ? null : receipt.runId)),
    cancel: async () => (await sender()).cancelRun(key, {}),
  };
}
