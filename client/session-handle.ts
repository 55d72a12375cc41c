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
import { isNotFound, whenThere } from './when-there.ts';

/** One session of one user. A message is its text, or a {@link MessageInput}. Rejections are PerdureErrors. */
export interface SessionHandle {
  readonly key: SessionKey;
  /** Creates the session without a message, if it is not there. */
  open(input?: OpenSession): Promise<OpenedSession>;
  /** Delivers a message; resolves with its receipt, `accepted` when no worker answers. */
  send(message: string | MessageInput): Promise<Receipt>;
  /** Delivers a message without waiting for a receipt; resolves with its id. */
  signal(message: string | MessageInput): Promise<string>;
  /** Delivers a message and waits for the answer. Rejects with a RunNotCompletedError when its run fails or is cancelled. */
  ask(message: string | MessageInput, options?: { signal?: AbortSignal }): Promise<Answer>;
  /** Events from the beginning, or after `after`, and then as they come. Each once, over any number of reconnects. */
  stream(options?: StreamOptions): AsyncIterable<StreamEvent>;
  snapshot(): Promise<SessionSnapshot>;
  transcript(): Promise<readonly TranscriptEntry[]>;
  /** What the session waits for, since when, who can unblock it, when it times out. */
  why(): Promise<SessionWhy>;
  /** Where a run's time and money went. */
  whyRun(runId: string): Promise<RunWhy>;
  /** Merges metadata, state and policy; null removes a key. */
  update(input: UpdateSession): Promise<void>;
  /** Stops the run that is going, or the one named. */
  cancel(input?: CancelRun): Promise<CancelledRun>;
  /** Lets a failed run go on from its last completed step. */
  resume(runId: string): Promise<void>;
  end(input?: EndSession): Promise<void>;
  /** The session as one JSON document; `Perdure.import` makes it a session again, here or elsewhere. */
  export(): Promise<SessionExport>;
  /** Whether nothing has happened in it for `idleMs`. */
  isExpired(idleMs: number): Promise<boolean>;
}

export function createSessionHandle(
  key: SessionKey,
  sender: () => SessionSender,
  gateway: GatewayClient,
): SessionHandle {
  async function ask(message: string | MessageInput, options: { signal?: AbortSignal } = {}): Promise<Answer> {
    const input = inputOf(message);
    // A message id that was used before may have its answer anywhere in the past.
    const after = input.id === undefined ? await headOf(gateway, key.session) : 0;
    const receipt = await sender().submit(key, input);
    const events = whenThere(() => gateway.stream(key.session, { after, signal: options.signal }), options.signal);
    return awaitAnswer(events, receipt.messageId, receipt.runId);
  }

  return {
    key,
    open: async (input = {}) => sender().open(key, input),
    send: async (message) => sender().submit(key, inputOf(message)),
    signal: async (message) => sender().signal(key, inputOf(message)),
    ask,
    stream: (options) => gateway.stream(key.session, options),
    snapshot: () => gateway.snapshot(key.session),
    transcript: async () => (await gateway.transcript(key.session)).data,
    why: () => gateway.whySession(key.session),
    whyRun: (runId) => gateway.whyRun(key.session, runId),
    update: async (input) => sender().update(key, input),
    cancel: async (input = {}) => sender().cancel(key, input),
    resume: async (runId) => sender().resume(key, { runId }),
    end: async (input = {}) => sender().end(key, input),
    export: () => gateway.exportSession(key.session),
    isExpired: async (idleMs) => isExpired(await gateway.snapshot(key.session), idleMs),
  };
}

function inputOf(message: string | MessageInput): MessageInput {
  return typeof message === 'string' ? { content: message } : message;
}

/** 0 for a session that is not there yet. */
async function headOf(gateway: GatewayClient, id: string): Promise<number> {
  try {
    return (await gateway.snapshot(id)).head;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
