import type {
  CancelledRun,
  CancelRun,
  EndSession,
  OpenedSession,
  OpenSession,
  UpdateSession,
} from '../contracts/session/commands.ts';
import type { StreamEvent } from '../contracts/session/event.ts';
import type { MessageInput, Receipt } from '../contracts/session/message.ts';
import type { SessionExport } from '../contracts/session/session-export.ts';
import type { SessionSnapshot } from '../contracts/session/session.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { TranscriptEntry } from '../contracts/session/transcript.ts';
import type { RunWhy, SessionWhy } from '../contracts/why.ts';
import { awaitAnswer } from './await-answer.ts';
import type { Answer } from './await-answer.ts';
import type { StreamOptions } from './http/event-stream.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import { isExpired } from './is-expired.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { isNotFound, retryUntilFound } from './retry-until-found.ts';

/**
 * One session of one user. A message is its text, or a {@link MessageInput}. Methods reject with a PerdureError, or with
 * a GatewayUnreachableError when the gateway cannot be reached.
 */
export interface SessionHandle {
  readonly key: SessionKey;
  /** Gets or creates the session without a message. */
  open(input?: OpenSession): Promise<OpenedSession>;
  /** Delivers a message and resolves with its receipt, which is `accepted` when no worker responds in time. Safe to repeat with the same id. */
  send(message: string | MessageInput): Promise<Receipt>;
  /** Delivers a message and resolves with its id. */
  signal(message: string | MessageInput): Promise<string>;
  /** Delivers a message and waits for the answer. Rejects with a RunNotCompletedError when its run fails or is cancelled. */
  ask(message: string | MessageInput, options?: { signal?: AbortSignal }): Promise<Answer>;
  /** Past events from the start, or after `after`, then new ones. Each exactly once, over any number of reconnects. */
  stream(options?: StreamOptions): AsyncIterable<StreamEvent>;
  snapshot(): Promise<SessionSnapshot>;
  transcript(): Promise<readonly TranscriptEntry[]>;
  /** What the session waits for, since when, who can unblock it, and when it times out. */
  why(): Promise<SessionWhy>;
  /** Where a run's time and money went. */
  whyRun(runId: string): Promise<RunWhy>;
  /** Merges metadata, state and policy; null removes a key. Throws `not_found`. */
  update(input: UpdateSession): Promise<void>;
  /** Stops a run, by default the current one. Resolves with `{runId: null}` when there was none to stop. */
  cancel(input?: CancelRun): Promise<CancelledRun>;
  /** Lets a failed run continue after its last completed step. */
  resume(runId: string): Promise<void>;
  end(input?: EndSession): Promise<void>;
  /** The session as one JSON document, for `Perdure.import` here or in another installation. */
  export(): Promise<SessionExport>;
  /** Whether the session has been idle for `idleMs`. */
  isExpired(idleMs: number): Promise<boolean>;
}

export function createSessionHandle(
  key: SessionKey,
  sender: () => Promise<SessionSender>,
  gateway: GatewayClient,
): SessionHandle {
  async function ask(message: string | MessageInput, options: { signal?: AbortSignal } = {}): Promise<Answer> {
    const input = inputOf(message);
    // The answer to a message id that was used before can be anywhere in the past.
    const after = input.id === undefined ? await headOf(gateway, key.session) : 0;
    const receipt = await (await sender()).submit(key, input);
    const events = retryUntilFound(
      () => gateway.stream(key.session, { after, signal: options.signal }),
      options.signal,
    );
    return awaitAnswer(events, receipt.messageId, receipt.runId);
  }

  return {
    key,
    open: async (input = {}) => (await sender()).open(key, input),
    send: async (message) => (await sender()).submit(key, inputOf(message)),
    signal: async (message) => (await sender()).signal(key, inputOf(message)),
    ask,
    stream: (options) => gateway.stream(key.session, options),
    snapshot: () => gateway.snapshot(key.session),
    transcript: async () => (await gateway.transcript(key.session)).data,
    why: () => gateway.whySession(key.session),
    whyRun: (runId) => gateway.whyRun(key.session, runId),
    update: async (input) => (await sender()).update(key, input),
    cancel: async (input = {}) => (await sender()).cancel(key, input),
    resume: async (runId) => (await sender()).resume(key, { runId }),
    end: async (input = {}) => (await sender()).end(key, input),
    export: () => gateway.exportSession(key.session),
    isExpired: async (idleMs) => isExpired(await gateway.snapshot(key.session), idleMs),
  };
}

function inputOf(message: string | MessageInput): MessageInput {
  return typeof message === 'string' ? { content: message } : message;
}

/** The newest `seq`; 0 for a session that does not exist yet. */
async function headOf(gateway: GatewayClient, id: string): Promise<number> {
  try {
    return (await gateway.snapshot(id)).head;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
